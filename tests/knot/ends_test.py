# SPDX-License-Identifier: Apache-2.0
"""How knot and knot-nptl end: signals, the drain, the log and the report."""
import contextlib
import pathlib
import signal
import sys
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_cases  # noqa: E402
import knot_support  # noqa: E402
from knot_cases import GET, Cases, content, receive_all, receive_until  # noqa: E402


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


def load_tests(loader, tests, _):
    return knot_cases.load(loader, tests, Ends)


if __name__ == "__main__":
    unittest.main()
