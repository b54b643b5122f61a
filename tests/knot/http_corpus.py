# SPDX-License-Identifier: Apache-2.0
"""The cases of tests/knot/corpus (its README.md describes the format) and the judge of what a server answered to one.

    for case in http_corpus.load(): case.data, case.answers, case.end
    http_corpus.judge(case, transcript, followed)    raises Wrong

The judge reads the transcript as strictly as the server has to read requests: a byte that belongs to no expected answer, a field
that is none, a body of another length than the one announced are all wrong. So a request that was answered twice, or bytes
served behind a refused one, cannot pass.
"""
import pathlib
import re
from dataclasses import dataclass, field

FOLDER = pathlib.Path(__file__).parent / "corpus"
ENDS = ("close", "open", "either", "wait")
FOLLOWER = b"GET /follower.txt HTTP/1.1\r\nHost: knot\r\nConnection: close\r\n\r\n"
FOLLOWER_BODY = b"FOLLOWER"
FORBIDDEN = (b"POISON", b"OUTSIDE", b"root:x:0:0", b"\nX-Injected:", b"<script>", b"injected.example")
INTERIM = re.compile(r"1\d\d")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [\x20-\x7e]*")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
ANSWER = re.compile(r"\d{3}\??h?(\|\d{3}h?)*")
ESCAPE = re.compile(r"\\(?:\{(\d+)\*|x([0-9a-fA-F]{2})|(.))")
LETTERS = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}


class Wrong(AssertionError):
    """An answer that must not be."""


@dataclass
class Case:
    name: str
    reason: str = ""
    data: bytes = b""
    answers: list = field(default_factory=list)
    end: str = ""
    fields: list = field(default_factory=list)
    body: bytes | None = None
    most: int | None = None

    @property
    def final_answers(self):
        return len([answer for answer in self.answers if not answer.endswith("?")])


@dataclass
class Answer:
    status: str
    fields: dict
    body: bytes
    end: int

    def closes(self):
        return "close" in [word.strip().lower() for word in self.fields.get("connection", "").split(",")]


def expand(text, at, repeated):
    """(the text from there to its end, or to the brace that ends a repetition; where that is)"""
    parts = []
    while at < len(text):
        if repeated and text[at] == "}":
            return "".join(parts), at + 1
        escape = ESCAPE.match(text, at)
        if not escape:
            parts.append(text[at])
            at += 1
            continue
        count, number, letter = escape.groups()
        at = escape.end()
        if count:
            inner, at = expand(text, at, True)
            parts.append(inner * int(count))
        else:
            parts.append(chr(int(number, 16)) if number else LETTERS[letter])
    if repeated:
        raise ValueError(f"a repetition without an end: {text}")
    return "".join(parts), at


def unescape(text):
    return expand(text, 0, False)[0].encode("latin-1")


def read_expectation(case, words):
    *case.answers, case.end = words
    if case.end not in ENDS or not all(ANSWER.fullmatch(answer) for answer in case.answers):
        raise ValueError(f"{case.name}: {words}")


def read_line(case, line):
    mark, _, rest = line.partition(" ")
    if mark == "#":
        case.reason += rest
    elif mark == ">":
        case.data += unescape(rest)
    elif mark == "=":
        read_expectation(case, rest.split())
    elif mark == "header":
        case.fields.append(tuple(part.strip() for part in rest.split(":", 1)))
    elif mark == "body":
        case.body = unescape(rest)
    elif mark == "most":
        case.most = int(rest)
    elif line:
        raise ValueError(f"{case.name}: {line}")


def load_file(path):
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            cases.append(Case(f"{path.stem}/{line[3:]}"))
        elif cases:
            read_line(cases[-1], line)
    return cases


def load():
    """All cases, by theme."""
    return {path.stem: load_file(path) for path in sorted(FOLDER.glob("*.txt"))}


def read_fields(head):
    fields = {}
    for line in head:
        match = FIELD_LINE.fullmatch(line)
        if not match:
            raise Wrong(f"no field: {line!r}")
        name = match[1].decode().lower()
        if name in fields:
            raise Wrong(f"a second {name}")
        fields[name] = match[2].decode("latin-1")
    return fields


def read_answer(transcript, at, no_body):
    """The answer that begins there."""
    end = transcript.find(b"\r\n\r\n", at)
    if end < 0:
        raise Wrong(f"no whole answer at {at}: {transcript[at:at + 200]!r}")
    status_line, *lines = transcript[at:end].split(b"\r\n")
    match = STATUS_LINE.fullmatch(status_line)
    if not match:
        raise Wrong(f"no status line at {at}: {status_line!r}")
    status, fields = match[1].decode(), read_fields(lines)
    begin = end + 4
    if "transfer-encoding" in fields:
        raise Wrong(f"{status} with a Transfer-Encoding")
    if INTERIM.fullmatch(status):
        return Answer(status, fields, b"", begin)
    if not re.fullmatch(r"\d+", fields.get("content-length", "" if status not in ("204", "304") else "0")):
        raise Wrong(f"{status} without a Content-Length: {fields}")
    if "date" not in fields:
        raise Wrong(f"{status} without a Date")
    length = 0 if no_body or status in ("204", "304") else int(fields["content-length"])
    if begin + length > len(transcript):
        raise Wrong(f"{status} announced {length} bytes and sent {len(transcript) - begin}")
    return Answer(status, fields, transcript[begin:begin + length], begin + length)


def alternatives(expected):
    """The statuses that fit, each with whether it goes without a body."""
    return {word.rstrip("?h"): word.endswith("h") for word in expected.split("|")}


def read_expected(case, transcript):
    """The last of the answers that the case expects."""
    at, answer = 0, None
    for expected in case.answers:
        status = transcript[at + 9:at + 12].decode("latin-1")
        fitting = alternatives(expected)
        if status not in fitting:
            if expected.endswith("?"):
                continue
            raise Wrong(f"expected {expected} at {at}, got {transcript[at:at + 300]!r}")
        answer = read_answer(transcript, at, fitting[status])
        at = answer.end
    return answer, at


def check_contents(case, transcript, last):
    for forbidden in FORBIDDEN:
        if forbidden in transcript:
            raise Wrong(f"{forbidden!r} in {transcript[:600]!r}")
    if case.most is not None and len(transcript) > case.most:
        raise Wrong(f"{len(transcript)} bytes, more than {case.most}")
    for name, value in case.fields:
        if last.fields.get(name.lower()) != value:
            raise Wrong(f"{name} should be {value!r}: {last.fields}")
    if case.body is not None and last.body.rstrip(b"\n") != case.body:
        raise Wrong(f"a body {last.body[:200]!r}")
    location = last.fields.get("location", "/x") if last else "/x"
    if not re.match(r"/($|[^/\\])", location):
        raise Wrong(f"Location {location} leads elsewhere")


def check_wait(transcript, at):
    if at == len(transcript):
        return
    answer = read_answer(transcript, at, False)
    if answer.status not in ("400", "408") or not answer.closes() or answer.end != len(transcript):
        raise Wrong(f"an incomplete request was answered: {transcript[at:at + 300]!r}")


def check_follower(transcript, at):
    answer = read_answer(transcript, at, False)
    if (answer.status, answer.body.rstrip(b"\n")) != ("200", FOLLOWER_BODY) or not answer.closes():
        raise Wrong(f"the next request was not served: {transcript[at:at + 300]!r}")
    if answer.end != len(transcript):
        raise Wrong(f"bytes behind the last answer: {transcript[answer.end:answer.end + 300]!r}")


def judge(case, transcript, followed):
    """Raises Wrong unless the transcript is what the case expects; `followed`: the FOLLOWER was sent behind its bytes."""
    last, at = read_expected(case, transcript)
    check_contents(case, transcript, last)
    if case.end == "wait":
        check_wait(transcript, at)
        return
    if case.end != "either" and last.closes() != (case.end == "close"):
        raise Wrong(f"{last.status} should {'close' if case.end == 'close' else 'keep the connection'}: {last.fields}")
    if followed and not last.closes():
        check_follower(transcript, at)
    elif at != len(transcript):
        raise Wrong(f"answered more than once: {transcript[at:at + 300]!r}")
