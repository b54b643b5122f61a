# SPDX-License-Identifier: Apache-2.0
"""Malformed, ambiguous and unusual requests (tests/knot/corpus): the right status or a close, however the bytes arrive.

Each case is sent whole; whole with a good request behind it, which must be answered behind a good case and must not behind a
refused one; byte by byte (long ones in 400 pieces); and in two pieces, cut at up to eight of the places where a parser changes
its state. All cases of a theme are under way at the same time. Between two pieces a request on another connection has been
answered, so that the server has seen the first piece alone. Knot on 1 and 2 workers, and knot-nptl.
"""
import os
import pathlib
import socket
import sys
import tempfile
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import http_corpus  # noqa: E402
import knot_support  # noqa: E402

LEAST_CASES = 150
MOST_PIECES = 400
MOST_CUTS = 8
INTERESTING = b"\r\n :;,%/?.=-\"\0"
OLD = 1577836800  # 2020-01-01, in seconds
SERVERS = {"1_worker": dict(settings={"RONDO_WORKERS": "1"}), "2_workers": dict(settings={"RONDO_WORKERS": "2"}),
           "nptl": dict(native=True)}
THEMES = http_corpus.load()


def make_site(folder):
    """The files that the corpus asks for, and what lies beside them and must not be served."""
    root = folder / "site"
    (root / "dir").mkdir(parents=True)
    (root / "evil").mkdir()
    (root / "odd" / "index.html").mkdir(parents=True)
    (root / "cr\r\nX-Injected: yes").mkdir()
    contents = {"index.html": b"home", "a.txt": bytes(range(ord("a"), ord("z") + 1)), "poison.txt": b"POISON", "empty": b"",
                "follower.txt": http_corpus.FOLLOWER_BODY, "dir/index.html": b"index of dir", "dir/b.txt": b"b",
                "sp ace.txt": b"space", "ü.txt": b"umlaut", "%41.txt": b"percent", "big.bin": bytes(300000),
                "../outside.txt": b"OUTSIDE"}
    for name, content in contents.items():
        (root / name).write_bytes(content)
        os.utime(root / name, (OLD, OLD))
    links = {"link-in": "a.txt", "link-out": "../outside.txt", "link-absolute": str(root / "a.txt"), "link-up": "..",
             "link-loop": "link-loop", "link-proc": "/proc/self/cwd"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    return root


def cuts(data):
    """Places to cut the bytes in two, spread over all that are interesting."""
    places = sorted({at + after for at, byte in enumerate(data[:20000]) if byte in INTERESTING for after in (0, 1)} - {0})
    step = max(1, len(places) // MOST_CUTS)
    return places[::step][:MOST_CUTS]


def talk(case, pieces, followed=False):
    """A case refused must be closed by the server of its own accord; other connections we end."""
    return case, followed, knot_support.Talk(pieces, half_close=case.end != "close" and not followed)


def whole(case):
    yield talk(case, [case.data])


def followed(case):
    if case.end != "wait":
        yield talk(case, [case.data + http_corpus.FOLLOWER], True)


def byte_by_byte(case):
    data = case.data if case.end == "wait" else case.data + http_corpus.FOLLOWER
    size = -(-len(data) // MOST_PIECES) or 1
    yield talk(case, [data[at:at + size] for at in range(0, len(data), size)], case.end != "wait")


def in_two(case):
    for cut in cuts(case.data):
        behind = b"" if case.end == "wait" else http_corpus.FOLLOWER
        yield talk(case, [case.data[:cut], case.data[cut:] + behind], case.end != "wait")


WAYS = (whole, followed, byte_by_byte, in_two)


class Corpus:
    """The cases of each theme in each way against one server."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        root = make_site(pathlib.Path(cls.folder.name))
        cls.server = cls.enterClassContext(knot_support.Knot(root, **SERVERS[cls.__name__]))

    def check(self, theme, way):
        talks = [each for case in THEMES[theme] for each in way(case)]
        knot_support.converse(self.server.port, [each for _, _, each in talks], "/a.txt")
        for case, was_followed, each in talks:
            with self.subTest(case=case.name):
                self.assertTrue(each.ended, f"the connection did not end; received {bytes(each.received[:300])!r}")
                http_corpus.judge(case, bytes(each.received), was_followed)
        self.assertIsNone(self.server.process.poll(), "the server ended")


def add_tests(body):
    for theme in THEMES:
        for way in WAYS:
            body[f"test_{theme}_{way.__name__}"] = lambda self, t=theme, w=way: self.check(t, w)


for server in SERVERS:
    methods = {}
    add_tests(methods)
    globals()[server] = type(server, (Corpus, unittest.TestCase), methods)


class Format(unittest.TestCase):
    def test_every_case_is_named_once_and_says_why(self):
        cases = [case for theme in THEMES.values() for case in theme]
        self.assertGreaterEqual(len(cases), LEAST_CASES)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        self.assertEqual([case.name for case in cases if not case.reason or not case.end], [])
        self.assertEqual([case.name for case in cases if case.end != "wait" and not case.answers], [])

    def test_escapes(self):
        self.assertEqual(http_corpus.unescape(r"a\r\n\x00\\\{3*x\{2*y}\t}z"), b"a\r\n\0\\xyy\txyy\txyy\tz")


class Judge(unittest.TestCase):
    """The judge refuses what the corpus is there to find."""

    ok = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nhi"
    bad = b"HTTP/1.1 400 Bad Request\r\nDate: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    last = (b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 8\r\nConnection: close\r\n\r\n" + http_corpus.FOLLOWER_BODY)

    def accepts(self, words, transcript, is_followed=False, **more):
        case = http_corpus.Case("x", **more)
        http_corpus.read_expectation(case, words.split())
        try:
            http_corpus.judge(case, transcript, is_followed)
        except http_corpus.Wrong:
            return False
        return True

    def test_accepts_what_is_right(self):
        self.assertTrue(self.accepts("200 open", self.ok))
        self.assertTrue(self.accepts("200 open", self.ok + self.last, True))
        self.assertTrue(self.accepts("400|501 close", self.bad, True))
        self.assertTrue(self.accepts("100? 200 open", b"HTTP/1.1 100 Continue\r\n\r\n" + self.ok))
        self.assertTrue(self.accepts("100? 200 open", self.ok))
        self.assertTrue(self.accepts("200h 400 close", self.ok[:-2] + self.bad))
        self.assertTrue(self.accepts("wait", b"") and self.accepts("wait", self.bad))

    def test_refuses_bytes_served_behind_a_refused_request(self):
        self.assertFalse(self.accepts("400 close", self.bad + self.last, True))
        self.assertFalse(self.accepts("400 close", self.bad + b"x", True))

    def test_refuses_an_answer_too_many_or_too_few(self):
        self.assertFalse(self.accepts("200 open", self.ok + self.ok))
        self.assertFalse(self.accepts("200 200 open", self.ok))
        self.assertFalse(self.accepts("200 open", self.ok, True))
        self.assertFalse(self.accepts("wait", self.ok))

    def test_refuses_another_status_or_another_end(self):
        self.assertFalse(self.accepts("404 open", self.ok))
        self.assertFalse(self.accepts("200 close", self.ok))
        self.assertFalse(self.accepts("400 open", self.bad))

    def test_refuses_a_torn_answer(self):
        self.assertFalse(self.accepts("200 open", self.ok[:-1]))
        self.assertFalse(self.accepts("200 open", self.ok.replace(b"Content-Length: 2\r\n", b"")))
        self.assertFalse(self.accepts("200 open", self.ok.replace(b"Date", b"Content-Length: 2\r\nDate")))
        self.assertFalse(self.accepts("200 open", self.ok.replace(b"Date:", b"Date :")))

    def test_refuses_what_must_not_be_served(self):
        self.assertFalse(self.accepts("200 open", self.ok.replace(b"2", b"6", 2).replace(b"hi", b"POISON")))
        self.assertFalse(self.accepts("200 open", self.ok.replace(b"Date", b"Location: //evil/\r\nDate")))
        self.assertFalse(self.accepts("200 open", self.ok, most=10))
        self.assertFalse(self.accepts("200 open", self.ok, body=b"ho"))
        self.assertFalse(self.accepts("200 open", self.ok, fields=[("Allow", "GET")]))


del Corpus

if __name__ == "__main__":
    unittest.main()
