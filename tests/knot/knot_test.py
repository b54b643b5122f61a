# SPDX-License-Identifier: Apache-2.0
"""knot and knot-nptl as a client sees them: files, connections, limits, timeouts, signals, log.

Each class of cases runs three times: knot on one worker and on two, and knot-nptl, which is the same source on kernel threads.
The site is that of docs/examples, and files of the sizes at which the server changes its ways. Timeouts are set to a second or
two; what must not happen before a timeout is asserted by what the server answers, not by sleeping.
"""
import contextlib
import functools
import http.client
import os
import pathlib
import re
import resource
import signal
import socket
import sys
import tempfile
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_support  # noqa: E402

SITE = programs.SOURCE / "docs" / "examples" / "site"
SIZES = (0, 1, 1024, 32767, 32768, 100000, 262144, 262145, 3000000)
OLD = 1577836800  # 2020-01-01
GET = b"GET /f1024 HTTP/1.1\r\nHost: h\r\n\r\n"


@functools.cache
def content(size):
    return bytes((i * 7 + i // 251) % 256 for i in range(size))


def receive_all(client):
    """What comes until the end; a reset counts as one."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while got := client.recv(65536):
            data += got
    return data


def receive_until(client, end):
    data = b""
    while not data.endswith(end):
        got = client.recv(65536)
        if not got:
            raise EOFError(f"the server closed after {data!r}")
        data += got
    return data


class Cases:
    """What each class runs, with `world` for knot_support.Knot."""

    world = {}

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.folder = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        cls.root = cls.folder / "root"
        cls.root.mkdir()
        for size in SIZES:
            path = cls.root / f"f{size}"
            path.write_bytes(content(size))
            os.utime(path, (OLD, OLD))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def serve(self, *options, root=None):
        return knot_support.Knot(root or self.root, *options, **self.world)

    def ask(self, server, text):
        """The whole answer to what ends the connection."""
        with server.connect() as client:
            client.sendall(text)
            return receive_all(client)


class Files(Cases):
    def test_the_sample_site_byte_for_byte(self):
        with self.serve(root=SITE) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=knot_support.SECONDS)
            for path in sorted(SITE.iterdir()):
                connection.request("GET", f"/{path.name}")
                answer = connection.getresponse()
                self.assertEqual((answer.status, answer.read()), (200, path.read_bytes()), path.name)
            connection.request("GET", "/")
            self.assertEqual(connection.getresponse().read(), (SITE / "index.html").read_bytes())
            connection.request("GET", "/nowhere")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (404, (SITE / "404.html").read_bytes()))

    def test_files_of_all_sizes_in_one_pipeline(self):
        with self.serve() as server:
            text = b"".join(b"GET /f%d HTTP/1.1\r\nHost: h\r\n\r\n" % size for size in SIZES)
            answers = self.ask(server, text + b"HEAD /f1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            for size in SIZES:
                head, _, answers = answers.partition(b"\r\n\r\n")
                self.assertIn(b"Content-Length: %d\r\n" % size, head)
                self.assertEqual(answers[:size], content(size), size)
                answers = answers[size:]
            self.assertTrue(answers.endswith(b"\r\n\r\n"), "HEAD has a body")

    def test_ranges_of_cached_and_large_files(self):
        with self.serve() as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=knot_support.SECONDS)
            for size in (1024, 100000, 3000000):
                for first, last in ((0, 0), (1000, 1023), (10, size - 1)):
                    connection.request("GET", f"/f{size}", headers={"Range": f"bytes={first}-{last}"})
                    answer = connection.getresponse()
                    self.assertEqual(answer.status, 206)
                    self.assertEqual(answer.getheader("Content-Range"), f"bytes {first}-{last}/{size}")
                    self.assertEqual(answer.read(), content(size)[first:last + 1])

    def test_a_validator_gets_304_until_the_file_changes(self):
        (self.root / "changing").write_bytes(b"one")
        with self.serve("--revalidate", "0") as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=knot_support.SECONDS)

            def get(tag):
                connection.request("GET", "/changing", headers={"If-None-Match": tag})
                answer = connection.getresponse()
                return answer.status, answer.read(), answer.getheader("ETag")

            status, body, tag = get('"x"')
            self.assertEqual((status, body), (200, b"one"))
            self.assertEqual(get(tag), (304, b"", tag))
            (self.root / "new").write_bytes(b"two")
            os.rename(self.root / "new", self.root / "changing")
            self.assertEqual(get(tag)[:2], (200, b"two"))

    def test_no_path_leaves_the_root(self):
        (self.folder / "outside").write_bytes(b"OUTSIDE")
        with contextlib.suppress(FileExistsError):
            (self.root / "link").symlink_to("../outside")
        with self.serve() as server:
            for target in (b"/../outside", b"/..%2foutside", b"/%2e%2e/outside", b"/f1/../../outside", b"/link",
                           b"/./../outside", b"//../outside", b"/..%5coutside", b"/..;/outside"):
                answer = self.ask(server, b"GET " + target + b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                self.assertRegex(answer, rb"^HTTP/1.1 40[0-9] ", target)
                self.assertNotIn(b"OUTSIDE", answer, target)


class Conversations(Cases):
    def test_pipelined_requests_end_at_the_first_that_is_refused(self):
        with self.serve() as server:
            answers = self.ask(server, GET * 30 + b"GET /f1024 HTTP/1.1\r\n\r\n" + GET * 30)
            self.assertEqual(answers.count(b"HTTP/1.1 200 OK\r\n"), 30)
            self.assertEqual(answers.count(b"HTTP/1.1 400 Bad Request\r\n"), 1)

    def test_http_1_0(self):
        with self.serve() as server:
            self.assertIn(b"Connection: close\r\n", self.ask(server, b"GET /f1 HTTP/1.0\r\n\r\n"))
            with server.connect() as client:
                for _ in range(2):
                    client.sendall(b"GET /f1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                    self.assertIn(b"Connection: keep-alive\r\n", receive_until(client, b"\r\n\r\n" + content(1)))

    def test_expectations(self):
        head = b" /f1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        with self.serve() as server:
            with server.connect() as client:
                client.sendall(b"GET" + head)
                self.assertEqual(receive_until(client, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
                client.sendall(b"12345" + GET)
                answers = receive_until(client, content(1024))
                self.assertEqual(answers.count(b"HTTP/1.1 200 OK"), 2)
            declined = self.ask(server, b"POST" + head)
            self.assertTrue(declined.startswith(b"HTTP/1.1 405 "), declined)
            self.assertIn(b"Connection: close\r\n", declined)

    def test_bodies_are_read_past(self):
        bodies = (b"Content-Length: 2000\r\n\r\n" + b"x" * 2000,
                  b"Transfer-Encoding: chunked\r\n\r\n" + b"3e8\r\n" + b"y" * 1000 + b"\r\n5;e=f\r\nabcde\r\n0\r\nT: u\r\n\r\n")
        with self.serve("--max-body", "4000") as server, server.connect() as client:
            for body in bodies:
                request = b"POST /f1 HTTP/1.1\r\nHost: h\r\n" + body + GET
                client.sendall(request[:1500])
                client.sendall(request[1500:])
                answers = receive_until(client, content(1024))
                self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", answers), [b"405", b"200"])
            refused = self.ask(server, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4001\r\n\r\n")
            self.assertTrue(refused.startswith(b"HTTP/1.1 413 "), refused)

    def test_a_head_that_outgrows_the_stack(self):
        long = b"GET /f1024 HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 9000 + b"\r\n\r\n"
        with self.serve() as server, server.connect() as client:
            for piece in (long[:1], long[1:1023], long[1023:1025], long[1025:] + GET + long[:700], long[700:]):
                client.sendall(piece)
            answers = b""
            while answers.count(b"HTTP/1.1 200 OK") < 3 or not answers.endswith(content(1024)):
                answers += client.recv(65536)
            self.assertEqual(answers.count(content(1024)), 3)
            refused = self.ask(server, long[:-4] + b"x" * 9000)
            self.assertTrue(refused.startswith(b"HTTP/1.1 431 "), refused)


class Limits(Cases):
    def test_timeouts(self):
        options = ("--idle-timeout", "1", "--header-timeout", "1", "--body-timeout", "1")
        with self.serve(*options) as server, contextlib.ExitStack() as stack:
            idle, head, body, after = [stack.enter_context(server.connect()) for _ in range(4)]
            head.sendall(b"GET / HTTP/1.1\r\n")
            body.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1234")
            after.sendall(GET)
            self.assertEqual(receive_all(idle), b"")
            self.assertTrue(receive_all(head).startswith(b"HTTP/1.1 408 "))
            self.assertTrue(receive_all(body).startswith(b"HTTP/1.1 408 "))
            self.assertTrue(receive_all(after).endswith(content(1024)))

    def test_a_client_that_drips_is_cut_off(self):
        with self.serve("--header-timeout", "1") as server, server.connect() as client:
            client.settimeout(0.05)
            answer = b""
            for _ in range(int(knot_support.SECONDS / 0.05)):
                with contextlib.suppress(OSError):
                    client.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    answer = client.recv(4096)
                    break
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)

    def test_a_client_that_does_not_read_is_cut_off(self):
        with self.serve("--send-timeout", "1", "--min-rate", "100000000") as server, socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(GET.replace(b"f1024", b"f3000000") * 5)
            client.recv(1)
            before = server.descriptors()
            self.assertTrue(programs.wait_until(lambda: server.descriptors() < before), "the connection stays")
            client.settimeout(knot_support.SECONDS)
            self.assertLess(len(receive_all(client)), 15000000)

    def test_connections_beyond_the_limit_wait(self):
        with self.serve("--connections", "3") as server, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in range(4)]
            for client in clients:
                client.sendall(GET)
            for client in clients[:3]:
                receive_until(client, content(1024))
            self.assertTrue(programs.wait_until(lambda: "accepting pauses" in server.output()))
            clients[0].close()
            receive_until(clients[3], content(1024))
            self.assertEqual(server.output().count("accepting pauses"), 1)

    def test_without_descriptors_accepting_pauses_and_does_not_spin(self):
        with self.serve() as server, contextlib.ExitStack() as stack:
            with server.connect() as client:
                client.sendall(GET)
                receive_until(client, content(1024))
            room = server.descriptors() + 5
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (room, room))
            clients = [stack.enter_context(server.connect()) for _ in range(20)]
            for client in clients:
                client.sendall(GET)
            self.assertTrue(programs.wait_until(lambda: "accepting pauses" in server.output()))
            before = self.processor_seconds(server)
            self.assertFalse(programs.wait_until(lambda: server.process.poll() is not None, 1))
            self.assertLess(self.processor_seconds(server) - before, 0.3 * programs.TIME_FACTOR)
            for client in clients:
                receive_until(client, content(1024))
                client.close()
            self.assertEqual(server.output().count("accepting pauses"), 1, server.output())

    @staticmethod
    def processor_seconds(server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ends(Cases):
    def test_sigterm_lets_answers_finish(self):
        with self.serve() as server, contextlib.ExitStack() as stack:
            idle, slow = [stack.enter_context(server.connect()) for _ in range(2)]
            idle.sendall(GET)
            receive_until(idle, content(1024))
            slow.sendall(GET.replace(b"f1024", b"f3000000") * 3)
            first = slow.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(receive_all(idle), b"")
            answers = first + receive_all(slow)
            self.assertIn(content(3000000), answers)
            self.assertIn(b"Connection: close\r\n", answers)
            self.assertEqual(server.process.wait(knot_support.SECONDS), 0)
            with self.assertRaises(ConnectionRefusedError):
                server.connect()

    def test_the_drain_is_bounded(self):
        with self.serve("--drain-timeout", "1") as server, server.connect() as stuck:
            stuck.sendall(GET.replace(b"f1024", b"f3000000") * 20)
            stuck.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(knot_support.SECONDS), 0)
            self.assertIn("1 connections were cut off", server.output())

    def test_log_and_report(self):
        log, aside = self.folder / "log", self.folder / "log.1"
        with self.serve("--access-log", log) as server:
            with server.connect() as client:
                client.sendall(GET)
                receive_until(client, content(1024))
            line = rb'^127\.0\.0\.1 - - \[.* \+0000\] "GET /f1024 HTTP/1\.1" 200 1024 "-" "-"\n$'
            self.assertTrue(programs.wait_until(log.read_bytes))
            self.assertRegex(log.read_bytes(), line)
            log.rename(aside)
            server.process.send_signal(signal.SIGHUP)
            self.assertTrue(programs.wait_until(log.exists))
            self.ask(server, b"nonsense\r\n\r\n")
            self.assertTrue(programs.wait_until(log.read_bytes))
            self.assertRegex(log.read_bytes(), rb'"-" 400 ')
            server.process.send_signal(signal.SIGUSR1)
            self.assertTrue(programs.wait_until(lambda: "1 files of" in server.output()), server.output())
            self.assertRegex(server.output(), r"\d+ connections, \d+ requests, 1 files of \d+ bytes cached, 0 log lines dropped")


class Options(unittest.TestCase):
    def run_knot(self, *args):
        return programs.run(str(knot_support.NPTL), *args, native=True)

    def test_help_version_and_mistakes(self):
        for option in ("--port", "--root", "--workers", "--access-log", "--drain-timeout"):
            self.assertIn(option, self.run_knot("--help").stdout)
        self.assertRegex(self.run_knot("--version").stdout, r"^knot-nptl \d+\.\d+\.\d+\n$")
        for arguments in (("--prot", "1"), ("--port", "70000"), ("--connections", "0"), ("extra",)):
            done = self.run_knot(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(self.run_knot("--root", "/nowhere").returncode, 1)


class Memory(Cases, unittest.TestCase):
    world = {"settings": {"RONDO_WORKERS": "1"}}
    CONNECTIONS = 1500
    MOST_BYTES = 12000

    @unittest.skipIf(programs.SANITIZED, "a sanitizer's shadow is counted with the memory")
    def test_an_idle_connection_holds_its_stack_and_no_buffer(self):
        long = b"GET /f1 HTTP/1.1\r\nHost: h\r\nX: " + b"x" * 9000 + b"\r\n\r\n"
        with self.serve() as server, contextlib.ExitStack() as stack:
            before = server.resident_bytes()
            for _ in range(self.CONNECTIONS):
                client = stack.enter_context(server.connect())
                client.sendall(long)
                receive_until(client, b"\r\n\r\n" + content(1))
            each = (server.resident_bytes() - before) / self.CONNECTIONS
            self.assertLess(each, self.MOST_BYTES, "bytes for an idle connection")


def load_tests(loader, tests, _):
    """Adds each class of cases once a world."""
    worlds = {"1_worker": {"settings": {"RONDO_WORKERS": "1"}}, "2_workers": {"settings": {"RONDO_WORKERS": "2"}}, "nptl": {"native": True}}
    for cases in (Files, Conversations, Limits, Ends):
        for name, world in worlds.items():
            made = type(f"{cases.__name__}_{name}", (cases, unittest.TestCase), {"world": world})
            tests.addTests(loader.loadTestsFromTestCase(made))
    return tests


if __name__ == "__main__":
    unittest.main()
