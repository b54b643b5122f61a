# SPDX-License-Identifier: Apache-2.0
"""Knot's event-driven twins (bench/servers) answer as knot does, byte for byte, Date apart.

A figure that compares threads with events means something only if both do the same work. The same list of raw requests goes to
each server on the same files: requests of every kind below, and every case of tests/knot/corpus, whole and cut in two at a place
where a parser changes its state. What knot-nptl answers is what all the others have to answer; that it is right is for the tests
of knot to say.
"""
import functools
import pathlib
import re
import socket
import sys
import tempfile
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "knot"))
import corpus_test  # noqa: E402
import http_corpus  # noqa: E402
import knot_support  # noqa: E402

DATE = re.compile(rb"\r\nDate: [^\r]{29}\r\n")
TWINS = ("reactor", "proactor", "staged")
PATHS = ("/", "/index.html", "/a.txt", "/dir", "/dir/", "/dir/b.txt", "/empty", "/big.bin", "/none", "/sp%20ace.txt", "/../a.txt")
RANGES = ("0-0", "5-", "-3", "0-3,7-9", "900-", "2-1", "0-99999999", "100000-299999", "0-1,5-6,9-9,20-")
LARGE = "bytes=0-270000"


def request(method, path, *fields, version="1.1", body=b""):
    lines = [f"{method} {path} HTTP/{version}", "Host: knot", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def plain_requests():
    for method in ("GET", "HEAD", "OPTIONS", "POST", "DELETE", "BREW"):
        for path in PATHS:
            yield request(method, path)
            yield request(method, path, "Connection: close")
            yield request(method, path, version="1.0")
            yield request(method, path, "Connection: keep-alive", version="1.0") * 2
    yield request("OPTIONS", "*")
    for ranges in RANGES:
        for path in ("/a.txt", "/big.bin", "/empty"):
            yield request("GET", path, f"Range: bytes={ranges}")
            yield request("HEAD", path, f"Range: bytes={ranges}")


def conditional_requests():
    new, old = "Fri, 01 Jan 2100 00:00:00 GMT", "Thu, 01 Jan 1970 00:00:01 GMT"
    for name in ("If-Modified-Since", "If-Unmodified-Since"):
        yield from (request("GET", "/a.txt", f"{name}: {date}") for date in (new, old, "yesterday"))
    for name in ("If-Match", "If-None-Match"):
        yield from (request("GET", "/a.txt", f"{name}: {tag}") for tag in ("*", '"x"', 'W/"x", "y"', "x"))
    yield from (request("GET", "/a.txt", "Range: bytes=1-2", f"If-Range: {value}") for value in ('"x"', new, old))


def requests_with_bodies():
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    for method in ("GET", "POST"):
        yield request(method, "/a.txt", "Content-Length: 5", body=b"hello")
        yield request(method, "/a.txt", "Content-Length: 70000", body=b"x" * 70000)
        yield request(method, "/a.txt", "Content-Length: 2000000", body=b"x" * 2000)
        yield request(method, "/a.txt", "Transfer-Encoding: chunked", body=chunks)
        yield request(method, "/a.txt", "Transfer-Encoding: chunked", body=b"5\r\nhello0\r\n\r\n")
        yield request(method, "/a.txt", "Content-Length: 5", "Expect: 100-continue", body=b"hello")
        yield request(method, "/a.txt", "Content-Length: 5", "Expect: a miracle", body=b"hello")


def pipelines():
    many = b"".join(request("GET", path) for path in PATHS * 3)
    yield many
    yield many + request("GET", "/big.bin") * 5 + request("GET", "/a.txt", "Connection: close") + many
    yield many + b"nonsense\r\n\r\n" + many
    yield request("GET", "/a.txt") * 500
    yield request("GET", "/big.bin", f"Range: {LARGE}") * 3 + request("POST", "/", "Content-Length: 3", body=b"abc") * 20
    yield request("GET", "/a.txt", "X-Filler: " + "x" * 9000) * 8


def talks_of(data_list, cut=False):
    """Whether a body that comes late is asked for is a matter of time: ask_for_body() does that."""
    talks = []
    for data in data_list:
        if cut and b"100-continue" in data.lower():
            continue
        places = corpus_test.cuts(data)[:2] if cut else []
        pieces = [[data]] if not cut else [[data[:place], data[place:]] for place in places]
        talks += [(data, knot_support.Talk(each, half_close=True)) for each in pieces]
    return talks


def ask_for_body(port, method):
    """The client waits for an answer before it sends the body; what comes back in all."""
    with socket.create_connection((knot_support.HOST, port), timeout=knot_support.SECONDS) as client:
        client.sendall(request(method, "/a.txt", "Content-Length: 5", "Expect: 100-continue"))
        answer = client.recv(1 << 16)
        client.sendall(b"hello" + request("GET", "/dir/b.txt"))
        client.shutdown(socket.SHUT_WR)
        while more := client.recv(1 << 16):
            answer += more
    return answer


@functools.cache
def all_lists():
    corpus = [case.data for theme in http_corpus.load().values() for case in theme]
    return {"plain": list(plain_requests()), "conditional": list(conditional_requests()), "bodies": list(requests_with_bodies()),
            "pipelines": list(pipelines()), "corpus": corpus}


def transcripts(server):
    """{(list, cut or whole, number): (request, answer)}"""
    found = {}
    for name, data_list in all_lists().items():
        for cut in (False, True):
            talks = talks_of(data_list, cut)
            knot_support.converse(server.port, [talk for _, talk in talks], "/a.txt")
            for number, (data, talk) in enumerate(talks):
                end = "" if talk.ended else " and no end"
                found[name, cut, number] = (data, DATE.sub(b"\r\nDate: *\r\n", bytes(talk.received)) + end.encode())
    for method in ("GET", "POST"):
        found["asked", False, method] = (method.encode(), DATE.sub(b"\r\nDate: *\r\n", ask_for_body(server.port, method)))
    return found


def excerpt(one, other):
    """Both, from shortly before the first byte in which they differ."""
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    start = max(0, at - 80)
    return f"at {at} of {len(one)} and {len(other)}:\n{one[start:at + 200]!r}\n{other[start:at + 200]!r}"


class SameAnswers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not knot_support.NPTL.exists():
            raise unittest.SkipTest("knot is not built")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = corpus_test.make_site(pathlib.Path(cls.folder.name))
        with knot_support.Knot(cls.root, native=True) as server:
            cls.expected = transcripts(server)

    def compare(self, program, **settings):
        if not program.exists():
            self.skipTest(f"{program.name} is not built")
        with knot_support.Knot(self.root, program=program, settings=settings) as server:
            found = transcripts(server)
            self.assertIsNone(server.process.poll(), "the server ended")
            self.assertEqual(server.stop(), 0, server.output())
        self.assertEqual(found.keys(), self.expected.keys())
        wrong = [key for key in found if found[key][1] != self.expected[key][1]]
        report = "\n".join(f"{key}: {found[key][0][:300]!r}\n{excerpt(self.expected[key][1], found[key][1])}" for key in wrong[:5])
        self.assertEqual(len(wrong), 0, f"of {len(found)} answers; knot-nptl's first, then those of {program.name}\n{report}")

    def test_the_list_is_long_and_answered(self):
        self.assertGreater(len(self.expected), 500)
        statuses = {answer[9:12] for _, answer in self.expected.values() if answer.startswith(b"HTTP/1.1 ")}
        self.assertLessEqual({b"200", b"204", b"206", b"301", b"304", b"400", b"404", b"405", b"412", b"416"}, statuses)

    @unittest.skipUnless(knot_support.KNOT.exists(), "knot on Rondo is left out of sanitizer builds")
    def test_knot(self):
        self.compare(knot_support.KNOT, RONDO_WORKERS="2")


class SameLimits(unittest.TestCase):
    """Clients that stop in the middle meet the same end on each server, knot-nptl first."""

    WAITS = {"idle": b"", "head": b"GET /a.txt HTTP/1.1\r\nHost: kn", "body": request("POST", "/", "Content-Length: 9", body=b"ab"),
             "second": request("GET", "/a.txt") + b"GET /a"}
    OPTIONS = ("--idle-timeout", "1", "--header-timeout", "1", "--body-timeout", "1")

    def ends(self, **server_settings):
        """What each of the waiting clients is told before it is left."""
        with tempfile.TemporaryDirectory() as folder:
            root = corpus_test.make_site(pathlib.Path(folder))
            with knot_support.Knot(root, *self.OPTIONS, **server_settings) as server:
                clients = {name: server.connect() for name in self.WAITS}
                for name, data in self.WAITS.items():
                    clients[name].sendall(data)
                found = {}
                for name, client in clients.items():
                    with client:
                        found[name] = b"".join(iter(lambda one=client: one.recv(1 << 16), b""))[-400:]
        return {name: (data[:12], b"408 Request Timeout" in data) for name, data in found.items()}

    def test_time_limits(self):
        if not knot_support.NPTL.exists():
            self.skipTest("knot is not built")
        expected = self.ends(native=True)
        self.assertEqual([name for name, (_, timed_out) in expected.items() if timed_out], ["head", "body", "second"])
        for twin in TWINS:
            program = programs.BUILD / "bench" / twin
            if program.exists():
                with self.subTest(twin):
                    self.assertEqual(self.ends(program=program), expected)


class SameLog(unittest.TestCase):
    """A line for each answer, with the same status and length; those to the metronome of knot_support are left out."""

    LISTS = ("plain", "conditional", "bodies", "corpus")

    def lines(self, **server_settings):
        with tempfile.TemporaryDirectory() as folder:
            root, log = corpus_test.make_site(pathlib.Path(folder)), pathlib.Path(folder, "log")
            with knot_support.Knot(root, "--access-log", log, **server_settings) as server:
                talks = [talk for name in self.LISTS for _, talk in talks_of(all_lists()[name])]
                knot_support.converse(server.port, talks, "/a.txt")
                server.stop()
            logged = log.read_bytes().splitlines()
            return sorted(re.sub(rb"\[[^]]*\]", b"[]", line) for line in logged if b'"HEAD /a.txt HTTP/1.1"' not in line)

    def test_access_logs(self):
        if not knot_support.NPTL.exists():
            self.skipTest("knot is not built")
        expected = self.lines(native=True)
        self.assertGreater(len(expected), 500)
        for twin in TWINS:
            program = programs.BUILD / "bench" / twin
            if program.exists():
                with self.subTest(twin):
                    self.assertEqual(self.lines(program=program), expected)


for twin in TWINS:
    for workers in ("1", "2"):
        def method(self, name=twin, count=workers):
            self.compare(programs.BUILD / "bench" / name, RONDO_WORKERS=count)
        setattr(SameAnswers, f"test_{twin}_{workers}", method)


if __name__ == "__main__":
    unittest.main()
