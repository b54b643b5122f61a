# SPDX-License-Identifier: Apache-2.0
"""SIGTERM under load, files replaced under load, and what load leaves behind: nothing. Knot on 1 and 2 workers, and knot-nptl.

SIGTERM: 900 clients that have a request on its way at any time, 100 that wait between two, others in the listener's queue, one
in the middle of a request and one in the middle of a large answer. A client that has sent a request on its connection gets the whole
answer; the connection then ends in order; the process ends with 0.

Replacing: each version of a file consists of one letter, and no two versions have the same size, so an answer that mixes two of
them shows. Files are replaced by rename (from memory, and large ones by descriptor) and rewritten in place (those that are copied
to the cache).
"""
import contextlib
import os
import pathlib
import re
import selectors
import signal
import socket
import sys
import tempfile
import threading
import time
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import http_corpus  # noqa: E402
import knot_support  # noqa: E402

BUSY, IDLE, QUEUED = 900, 100, 200
SECONDS = 30 * programs.TIME_FACTOR
END_SECONDS = 10 * programs.TIME_FACTOR
LOAD_SECONDS = 1.0
REPLACING_SECONDS = 2.0
REST_SECONDS = 0.06  # between two rewritings in place: more than the grain of the file system's clock
MOST_REWRITING_SECONDS = 0.015  # less than it takes knot to believe that a change is over
LARGE_BYTES = 24 << 20
REQUEST = b"GET /%b HTTP/1.1\r\nHost: knot\r\n\r\n"


class Client:
    """Sends a request whenever it has the answer to the one before, until the connection is to end."""

    def __init__(self, port, path):
        self.socket = socket.create_connection((knot_support.HOST, port), timeout=SECONDS)
        self.request = REQUEST % path.encode()
        self.received = b""
        self.answers = 0
        self.outstanding = False
        self.ended = None  # how

    def send(self):
        self.outstanding = True
        try:
            self.socket.sendall(self.request)
        except OSError as error:
            self.end(f"{error} when sending")

    def receive(self):
        """One whole answer, if it is there by now."""
        try:
            data = self.socket.recv(1 << 16)
        except OSError as error:
            self.end(str(error))
            return
        self.received += data
        if not data:
            self.end("closed")
        elif self.take_answer():
            self.send()

    def take_answer(self):
        """Whether another request may follow."""
        try:
            answer = http_corpus.read_answer(self.received, 0, False)
        except http_corpus.Wrong:
            return False
        if answer.status != "200":
            self.end(f"answered {answer.status}")
            return False
        self.received = self.received[answer.end:]
        self.answers += 1
        self.outstanding = False
        return not answer.closes()

    def end(self, how):
        self.ended = how
        self.socket.close()

    def failure(self):
        """Why this client has been wronged, or None."""
        if self.ended == "closed" and not self.outstanding and not self.received:
            return None
        return f"{self.ended}, {self.answers} answers, outstanding {self.outstanding}, {len(self.received)} bytes of the next"


def drive(clients, until, seconds):
    """Lets the clients talk until the condition holds or all have ended."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        living = len(clients)
        while living and not until() and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                key.data.receive()
                if key.data.ended:
                    selector.unregister(key.fileobj)
                    living -= 1


def after(seconds):
    deadline = time.monotonic() + seconds
    return lambda: time.monotonic() > deadline


def read_all(client):
    data = bytearray()
    while more := client.recv(1 << 20):
        data += more
    return bytes(data)


def get(connection, name):
    """The body of one answer on a connection that goes on."""
    connection.sendall(REQUEST % name.encode())
    data = b""
    while not (head := re.search(rb"Content-Length: (\d+)\r\n.*?\r\n\r\n", data, re.DOTALL)) or \
            len(data) < head.end() + int(head[1]):
        more = connection.recv(1 << 20)
        if not more:
            raise http_corpus.Wrong(f"{len(data)} bytes and then the end: {data[:200]!r}")
        data += more
    return http_corpus.read_answer(data, 0, False).body


class Folder:
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name)
        (cls.root / "small").write_bytes(b"s" * 1024)
        (cls.root / "large").write_bytes(b"l" * LARGE_BYTES)

    def start(self, *options):
        return knot_support.Knot(self.root, *options, settings=self.settings, native=self.native)


class Drain(Folder):
    def check_status(self, server):
        self.assertEqual(server.process.wait(END_SECONDS), 0)

    def test_requests_under_way(self):
        with self.start() as server:
            busy = [Client(server.port, "small") for _ in range(BUSY)]
            idle = [Client(server.port, "small") for _ in range(IDLE)]
            for client in busy:
                client.send()
            drive(busy, after(LOAD_SECONDS), SECONDS)
            self.assertEqual([client.ended for client in busy if client.ended], [])
            server.process.send_signal(signal.SIGTERM)
            drive(busy + idle, lambda: False, SECONDS)
            failures = [failure for client in busy + idle if (failure := client.failure())]
            self.assertEqual(failures, [], f"{len(failures)} of {len(busy + idle)}")
            self.assertGreaterEqual(min(client.answers for client in busy), 1)
            self.check_status(server)

    def test_connections_in_the_queue(self):
        with self.start() as server:
            server.process.send_signal(signal.SIGSTOP)
            clients = [Client(server.port, "small") for _ in range(QUEUED)]
            for client in clients:
                client.send()
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGCONT)
            drive(clients, lambda: False, SECONDS)
            self.assertEqual([failure for client in clients if (failure := client.failure())], [])
            self.assertGreaterEqual(min(client.answers for client in clients), 1)
            self.check_status(server)

    def test_a_request_half_sent(self):
        with self.start() as server, server.connect() as client:
            client.sendall(b"GET /small HTTP/1.1\r\nHo")
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(programs.wait_until(lambda: not server.listens()), "it still listens")
            client.sendall(b"st: knot\r\n\r\n")
            answer = http_corpus.read_answer(read_all(client), 0, False)
            self.assertEqual((answer.status, answer.body, answer.closes()), ("200", b"s" * 1024, True))
            self.check_status(server)

    def test_a_large_answer_half_read(self):
        with self.start() as server, server.connect() as client:
            client.sendall(REQUEST % b"large")
            begun = client.recv(1 << 16)
            server.process.send_signal(signal.SIGTERM)
            self.assertTrue(programs.wait_until(lambda: not server.listens()), "it still listens")
            answer = http_corpus.read_answer(begun + read_all(client), 0, False)
            self.assertEqual(answer.body, b"l" * LARGE_BYTES)
            self.check_status(server)

    def test_a_client_that_never_ends_is_cut_off(self):
        with self.start("--drain-timeout", 1) as server, server.connect() as client:
            client.sendall(b"GET /small HT")
            server.process.send_signal(signal.SIGTERM)
            self.check_status(server)


class Replaced(Folder):
    @staticmethod
    def version(number, size):
        return bytes([ord("a") + number]) * (size + number)

    def replace(self, name, size, number):
        temporary = self.root / f".{name}.new"
        temporary.write_bytes(self.version(number, size))
        temporary.rename(self.root / name)

    def rewrite(self, name, size, number):
        content = self.version(number, size)
        begun = time.monotonic()
        with open(self.root / name, "r+b") as file:
            file.write(content[:size // 2])
            file.flush()
            os.truncate(file.fileno(), len(content))
            time.sleep(0.002)
            file.write(content[size // 2:])
        if time.monotonic() - begun > MOST_REWRITING_SECONDS:
            self.slowly_rewritten.add(content[0])
        time.sleep(REST_SECONDS)

    def is_fault(self, wrong):
        """A file that lay there half written for long, because this test was kept from running, looks finished."""
        return isinstance(wrong, Exception) or not self.slowly_rewritten.intersection(wrong[1])

    def read_versions(self, server, name, size, write):
        """The letters seen by four clients while the file is changed; each body must be of one version."""
        letters, wrong, stop = set(), [], threading.Event()

        def read():
            try:
                with server.connect() as connection:
                    while not stop.is_set():
                        body = get(connection, name)
                        letters.add(body[:1])
                        if len(set(body)) != 1 or len(body) != size + body[0] - ord("a"):
                            wrong.append((len(body), sorted(set(body))))
            except (OSError, http_corpus.Wrong) as error:
                wrong.append(error)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        over, number = after(REPLACING_SECONDS), 0
        while not over():
            number += 1
            write(number)
        stop.set()
        for reader in readers:
            reader.join(SECONDS)
        return letters, wrong

    def check(self, name, size, change):
        self.slowly_rewritten = set()
        (self.root / name).write_bytes(self.version(0, size))
        with self.start("--revalidate", 1) as server:
            letters, wrong = self.read_versions(server, name, size, lambda number: change(name, size, number % 26))
        self.assertEqual([body for body in wrong if self.is_fault(body)][:5], [])
        self.assertGreater(len(letters), 3, "the changes were not seen")

    def test_small_by_rename(self):
        self.check("small-renamed", 8000, self.replace)

    def test_middle_by_rename(self):
        self.check("middle-renamed", 100000, self.replace)

    def test_large_by_rename(self):
        self.check("large-renamed", 600000, self.replace)

    def test_small_in_place(self):
        self.check("small-rewritten", 8000, self.rewrite)

    def test_middle_in_place(self):
        self.check("middle-rewritten", 100000, self.rewrite)


class Left(Folder):
    def test_no_descriptor_and_no_thread_is_left(self):
        with self.start() as server:
            with server.connect() as client:
                client.sendall((REQUEST % b"small").replace(b"Host", b"Connection: close\r\nHost"))
                read_all(client)
            programs.wait_until(lambda: self.connections(server) == 0)
            before = (server.descriptors(), server.tasks())
            clients = [Client(server.port, "small") for _ in range(500)]
            for client in clients:
                client.send()
            drive(clients, after(LOAD_SECONDS), SECONDS)
            self.assertEqual(server.descriptors() - before[0], len(clients))
            for client in clients:
                client.end("left")
            with contextlib.ExitStack() as stack:
                for _ in range(100):
                    stack.enter_context(server.connect()).sendall(b"GET /sm")
            self.assertTrue(programs.wait_until(lambda: (server.descriptors(), server.tasks()) <= before),
                            f"{server.descriptors()} descriptors and {server.tasks()} kernel threads, {before} before")
            self.assertTrue(programs.wait_until(lambda: self.connections(server) == 0), server.output())

    @staticmethod
    def connections(server):
        """What the server says of itself on SIGUSR1."""
        reports = server.output().count(" connections, ")
        server.process.send_signal(signal.SIGUSR1)
        programs.wait_until(lambda: server.output().count(" connections, ") > reports)
        return int(re.findall(r"knot: (\d+) connections, ", server.output())[-1])


CONFIGURATIONS = {"1_worker": ({"RONDO_WORKERS": "1"}, False), "2_workers": ({"RONDO_WORKERS": "2"}, False),
                  "nptl": (None, True)}
for kind in (Drain, Replaced, Left):
    for configuration, (settings, native) in CONFIGURATIONS.items():
        name = f"{kind.__name__}_{configuration}"
        globals()[name] = type(name, (kind, unittest.TestCase), {"settings": settings, "native": native})

if __name__ == "__main__":
    unittest.main()
