# SPDX-License-Identifier: Apache-2.0
"""knot and knot-nptl as a client sees them: files, conversations, options, memory."""
import contextlib
import os
import pathlib
import re
import sys
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_cases  # noqa: E402
import knot_support  # noqa: E402
from knot_cases import GET, SITE, SIZES, Cases, content, receive_until  # noqa: E402


class Files(Cases):
    def test_the_sample_site_byte_for_byte(self):
        with self.serve(root=SITE) as server:
            connection = self.converse(server)
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
            connection = self.converse(server)
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
            connection = self.converse(server)

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
    return knot_cases.load(loader, tests, Files, Conversations)


if __name__ == "__main__":
    unittest.main()
