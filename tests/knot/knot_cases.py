# SPDX-License-Identifier: Apache-2.0
"""What the tests of knot as a client sees it share: the site, reading from a connection, and cases that run three times: knot on
one worker and on two, and knot-nptl, which is the same source on kernel threads.

The site is that of docs/examples, and files of the sizes at which the server changes its ways.
"""
import contextlib
import functools
import http.client
import os
import pathlib
import tempfile
import unittest

import knot_support
import programs

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

    def converse(self, server):
        """A connection of http.client's. It ends with the case's server: one that is open would hold up the drain."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=knot_support.SECONDS)
        server.before_stop(connection.close)
        return connection

    def ask(self, server, text):
        """The whole answer to what ends the connection."""
        with server.connect() as client:
            client.sendall(text)
            return receive_all(client)


def load(loader, tests, *classes):
    """Adds each class of cases once a world."""
    worlds = {"1_worker": {"settings": {"RONDO_WORKERS": "1"}}, "2_workers": {"settings": {"RONDO_WORKERS": "2"}}, "nptl": {"native": True}}
    for cases in classes:
        for name, world in worlds.items():
            made = type(f"{cases.__name__}_{name}", (cases, unittest.TestCase), {"world": world})
            tests.addTests(loader.loadTestsFromTestCase(made))
    return tests
