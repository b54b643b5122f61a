# SPDX-License-Identifier: Apache-2.0
"""The load generator against servers that each do one thing wrong: the error must be counted, by kind and number.
And the arithmetic of the harness: which pairs are dropped, what a ratio and its interval are."""
import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import echo, host, load, report, stats  # noqa: E402

LOADGEN = os.path.join(os.environ.get("RONDO_TEST_BUILD_DIR", "build"), "bench", "loadgen")
FAULTY_MESSAGE = 3
SECONDS = 30


def flip(data, _):
    return data[:5] + bytes([data[5] ^ 1]) + data[6:]


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Server:
    """An echo server of threads; `fault(data, previous)` makes the answer to every connection's third message, and
    `end(connection)` ends the connection instead of it."""

    def __init__(self, fault=None, end=None):
        self.fault, self.end = fault, end
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        count, previous = 0, b""
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                count += 1
                if count == FAULTY_MESSAGE and self.end:
                    return self.end(connection)
                answer = self.fault(data, previous) if count == FAULTY_MESSAGE and self.fault else data
                previous = data
                connection.sendall(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def generate(port, *arguments):
    command = [LOADGEN, "--port", str(port), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    result = json.loads(done.stdout) if done.stdout else {}
    return done.returncode, result


class EveryByteIsChecked(unittest.TestCase):
    def errors(self, server, *arguments):
        status, result = generate(server.port, "--connections", "4", *arguments)
        found = {kind: count for kind, count in result["errors"].items() if count}
        self.assertEqual((status, result["ok"]), (1, False) if found else (0, True))
        return found, result

    def test_a_right_server(self):
        with Server() as server:
            found, result = self.errors(server, "--lines", "5")
            self.assertEqual((found, result["lines"], result["finished"]), ({}, 20, 4))

    def test_long_messages_and_several_processes(self):
        with Server() as server:
            found, result = self.errors(server, "--lines", "2", "--size", "2000000", "--processes", "2")
            self.assertEqual((found, result["lines"], result["finished"]), ({}, 8, 4))

    def test_one_bit(self):
        for load_kind in (["--lines", "5"], ["--duration", "0.2", "--warmup", "0"],
                          ["--duration", "0.2", "--warmup", "0", "--rate", "200"]):
            with self.subTest(load_kind), Server(flip) as server:
                self.assertEqual(self.errors(server, *load_kind)[0], {"mismatched_bytes": 4})

    def test_a_byte_too_many(self):
        with Server(lambda data, _: data + b"x") as server:
            self.assertEqual(self.errors(server, "--lines", "5")[0], {"mismatched_bytes": 4})

    def test_an_old_answer(self):
        with Server(lambda _, previous: previous) as server:
            found, result = self.errors(server, "--lines", "5")
            self.assertEqual((list(found), result["finished"]), (["mismatched_bytes"], 0))

    def test_ends(self):
        for end, kind in ((reset, "resets"), (socket.socket.close, "closed_early")):
            with self.subTest(kind), Server(end=end) as server:
                self.assertEqual(self.errors(server, "--lines", "5")[0], {kind: 4})

    def test_a_lost_answer(self):
        silent = threading.Event()
        for load_kind in (["--lines", "5", "--timeout", "1"], ["--duration", "0.1", "--warmup", "0"]):
            with self.subTest(load_kind), Server(end=lambda _: silent.wait(SECONDS)) as server:
                self.assertEqual(self.errors(server, *load_kind)[0], {"stalled": 4})
        silent.set()

    def test_nobody_listens(self):
        port = host.free_port()
        status, result = generate(port, "--connections", "3", "--lines", "1")
        self.assertEqual((status, result["errors"]["connect_refused"]), (1, 3))

    def test_a_wrong_command_line(self):
        for arguments in (["--lines", "1", "--rate", "5"], ["--connections", "0"], ["--sizes", "3"], ["--size", "12x"]):
            self.assertEqual(generate(1, *arguments)[0], 2, arguments)


class HttpServer(Server):
    """Answers every request of a connection with the same body."""

    def __init__(self, body):
        super().__init__(lambda data, _: data)
        self.body = body

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            while connection.recv(65536):
                head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(self.body)}\r\n\r\n".encode()
                connection.sendall(head[:9])
                connection.sendall(head[9:] + self.body)


class HttpBodies(unittest.TestCase):
    def run_against(self, body, docroot):
        with HttpServer(body) as server:
            return generate(server.port, "--proto", "http", "--path", "/page", "--docroot", docroot, "--connections",
                            "2", "--duration", "0.2", "--warmup", "0")

    def test_bodies_are_compared_with_the_file(self):
        with tempfile.TemporaryDirectory() as docroot:
            pathlib.Path(docroot, "page").write_bytes(b"a page" * 1000)
            status, result = self.run_against(b"a page" * 1000, docroot)
            self.assertEqual((status, result["ok"]), (0, True))
            self.assertGreater(result["requests"], 0)
            status, result = self.run_against(b"a pagE" + b"a page" * 999, docroot)
            self.assertEqual((status, result["errors"]["mismatched_bytes"]), (1, 2))
            status, result = self.run_against(b"short", docroot)
            self.assertEqual((status, result["errors"]["malformed"]), (1, 2))


class OpenLoop(unittest.TestCase):
    def test_a_stall_is_charged_to_all_it_held_up(self):
        """One connection, 100 requests a second, one answer late by 0.4 s: some 40 requests were due meanwhile."""
        pause = threading.Event()

        def late(data, _):
            pause.wait(0.4)
            return data

        with Server(late) as server:
            status, result = generate(server.port, "--connections", "1", "--rate", "100", "--duration", "1", "--warmup",
                                      "0")
        self.assertEqual((status, result["latency_us"]["count"], result["unanswered"]), (0, 100, 0))
        self.assertGreater(result["latency_us"]["p99"], 350000)
        status, held_up = 0, result["latency_us"]
        self.assertGreater(held_up["max"], held_up["p50"] * 5)


def make_run(cpu_us, others=0.0, rate=1000.0):
    return load.Run(rate=rate, cpu_us=cpu_us, server_busy=1.0, client_busy=0.5, others=others, latency_us=None,
                    syscalls=None)


class Rules(unittest.TestCase):
    def row(self, rounds, wanted=2):
        plan = load.Plan("loadgen", 100, 1.0, 0.1, 0, 1)
        return echo.make_row(plan, echo.Side("rondo", []), rounds, wanted, None)

    def test_a_disturbed_half_drops_the_pair(self):
        rounds = [{"epoll": make_run(10), "rondo": make_run(11)},
                  {"epoll": make_run(10, others=0.04), "rondo": make_run(90)},
                  {"epoll": make_run(10), "rondo": make_run(90, others=0.04)},
                  {"epoll": make_run(20, others=0.02), "rondo": make_run(22, others=0.02)}]
        row = self.row(rounds)
        self.assertEqual((row["pairs"], row["dropped"], row["enough"]), (2, 2, True))
        self.assertEqual(row["cpu_ratio"], {"median": 1.1, "low": 1.1, "high": 1.1})
        self.assertFalse(self.row(rounds, wanted=3)["enough"])

    def test_no_pair_is_no_ratio(self):
        row = self.row([{"epoll": make_run(10, others=0.5), "rondo": make_run(11)}])
        self.assertEqual((row["pairs"], row["cpu_ratio"], row["rate"]), (0, None, None))

    def test_the_interval_holds_the_median_and_narrows(self):
        few = stats.ratio([(1 + i / 10, 1.0) for i in range(5)])
        many = stats.ratio([(1 + i % 5 / 10, 1.0) for i in range(100)])
        self.assertTrue(few["low"] <= few["median"] <= few["high"])
        self.assertLess(many["high"] - many["low"], few["high"] - few["low"])

    def test_unknown_is_not_ok(self):
        verdicts = report.Verdicts()
        verdicts.at_most("measured", 1.0, 1.1)
        verdicts.at_most("not measured", None, 1.1)
        verdicts.at_most("too much", 1.2, 1.1)
        self.assertEqual([entry["holds"] for entry in verdicts.entries], [True, None, False])

    def test_clocks_of_a_process(self):
        child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            tree = host.process_tree(os.getpid())
            self.assertIn(child.pid, tree)
            before, others = host.cpu_ns([child.pid]), host.others_ns({os.getpid()})
            deadline = threading.Event()
            for _ in range(1000):
                deadline.wait(0.01)
                used = host.cpu_ns([child.pid]) - before
                if used > 50_000_000:
                    break
            self.assertGreater(used, 50_000_000)
            self.assertGreaterEqual(host.others_ns({os.getpid()}) - others, 50_000_000)
        finally:
            child.kill()
            child.wait()


if __name__ == "__main__":
    unittest.main()
