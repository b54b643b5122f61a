# SPDX-License-Identifier: Apache-2.0
"""Starts knot or knot-nptl on a site of a test's own, and conversations with it over raw sockets.

    with knot_support.Knot(site, "--idle-timeout", "2", settings={"RONDO_WORKERS": "1"}) as server:
        server.connect()
        transcripts = converse(server.port, [Talk([b"GE", b"T / ..."], half_close=True), ...])
"""
import contextlib
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import tempfile
import time

import programs

HOST = "127.0.0.1"
KNOT = programs.BUILD / "knot" / "knot"
NPTL = programs.BUILD / "knot" / "knot-nptl"
SECONDS = 10 * programs.TIME_FACTOR
BOUND_SECONDS = 60 * programs.TIME_FACTOR


class Knot:
    """A server on a free port; ready when it accepts connections, ended with SIGTERM."""

    def __init__(self, root, *options, settings=None, native=False, program=None):
        self.port = programs.free_port()
        self.log = tempfile.TemporaryFile()
        self.endings = contextlib.ExitStack()
        launched = programs.SANITIZED and not native and program is None  # a sanitizer's library must come before the shim
        start = programs.command(NPTL, []) if launched else [str(program or (NPTL if native else KNOT))]
        self.process = subprocess.Popen([*start, "--port", str(self.port), "--root", str(root), *map(str, options)],
                                        env=programs.environment(settings, not launched), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        programs.wait_until(lambda: self.process.poll() is not None or self.listens())
        if self.process.poll() is not None:
            raise RuntimeError(f"knot ended with {self.process.returncode}:\n{self.output()}")
        return self

    def __exit__(self, kind, error, _):
        self.endings.close()
        status = self.stop()
        if error is not None:
            error.add_note(f"knot ended with {status}:\n{self.output()}")
        self.log.close()

    def before_stop(self, action):
        """Runs before the server is told to end when the block is left."""
        self.endings.callback(action)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def connect(self):
        return socket.create_connection((HOST, self.port), timeout=SECONDS)

    def output(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def tasks(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def resident_bytes(self):
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(BOUND_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Talk:
    """One connection: pieces to send one after the other, then perhaps the end of sending, and all that comes back."""

    def __init__(self, pieces, half_close):
        self.pieces = list(pieces)
        self.half_close = half_close
        self.received = bytearray()
        self.unsent = b""
        self.ended = False
        self.error = None

    def open(self, port):
        self.socket = socket.create_connection((HOST, port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def send_next(self):
        """Sends the next piece as far as it goes; a server that has closed is no error."""
        if not self.unsent and self.pieces:
            self.unsent = self.pieces.pop(0)
        try:
            if self.unsent:
                self.unsent = self.unsent[self.socket.send(self.unsent):]
            if not self.unsent and not self.pieces and self.half_close:
                self.half_close = False
                self.socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self.unsent, self.pieces, self.half_close = b"", [], False

    def sent(self):
        return not (self.unsent or self.pieces or self.half_close)

    def receive(self):
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError as error:
            data, self.error = b"", error
        self.received += data
        self.ended = not data


class Metronome:
    """A connection whose answers tell that the server has had its turn."""

    def __init__(self, port, path):
        self.socket = socket.create_connection((HOST, port), timeout=SECONDS)
        self.request = f"HEAD {path} HTTP/1.1\r\nHost: knot\r\n\r\n".encode()

    def beat(self):
        self.socket.sendall(self.request)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionError(f"the server closed a good connection: {answer!r}")
            answer += more


def receive_ready(selector, talks, timeout):
    """Reads what has come; returns how many have ended."""
    ended = 0
    for key, _ in selector.select(timeout):
        key.data.receive()
        if key.data.ended:
            selector.unregister(key.data.socket)
            key.data.socket.close()
            ended += 1
    return ended


def converse(port, talks, beat_path):
    """Holds all talks at once, a piece of each a round; between two rounds the server has had its turn. Each must end."""
    deadline = time.monotonic() + BOUND_SECONDS
    with selectors.DefaultSelector() as selector:
        for talk in talks:
            talk.open(port)
            selector.register(talk.socket, selectors.EVENT_READ, talk)
        metronome = Metronome(port, beat_path)
        open_talks = len(talks)
        while open_talks and time.monotonic() < deadline:
            unsent = [talk for talk in talks if not talk.ended and not talk.sent()]
            for talk in unsent:
                talk.send_next()
            if unsent:
                metronome.beat()
            open_talks -= receive_ready(selector, talks, 0 if unsent else 0.2)
        metronome.socket.close()
    for talk in talks:
        if not talk.ended:
            talk.socket.close()
