# SPDX-License-Identifier: Apache-2.0
"""Attacks from 5,000 connections while somebody else wants a page: four times a second a new client must have its answer within
100 ms, from its connect to the last byte.

Knot runs on one worker. The attackers (attackers.cpp) run at the lowest priority, so that on a machine with two cores one is
the server's and what the attackers leave of the other is the probe's; they have no say in when the server runs. Slow senders
and slow readers must be cut off when their time is over, however busily they drip; whoever comes back is cut off again.
The bound is for a machine that does nothing else. So that somebody else's work does not count as the server's delay, an attack
that misses it is repeated, twice at most.

Afterwards descriptors are as before, and a second wave of the same attack needs no more memory than the first.
"""
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile
import time
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_support  # noqa: E402

ATTACKERS = programs.BUILD / "tests" / "knot" / "attackers"
CONNECTIONS = 5000
TIMEOUT_SECONDS = 1
SLACK_SECONDS = 3  # ten sweeps a second end 256 connections each: 2 s for all, if they are due together
LAST_SECONDS = TIMEOUT_SECONDS + SLACK_SECONDS  # after all are connected
BOUND_SECONDS = 0.1
ATTEMPTS = 3
PAUSE_SECONDS = 0.25
OPTIONS = ("--header-timeout", TIMEOUT_SECONDS, "--body-timeout", TIMEOUT_SECONDS, "--send-timeout", TIMEOUT_SECONDS,
           "--min-rate", 1 << 30)
SMALL = b"x" * 1024
LARGE_BYTES = 8 << 20
MIDDLE_BYTES = 100 << 10
MOST_GROWTH = 16 << 20


def fetch(server, path):
    with server.connect() as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: knot\r\nConnection: close\r\n\r\n".encode())
        while client.recv(1 << 20):
            pass


def probe(server):
    """The seconds that a new client's request took."""
    begin = time.monotonic()
    with server.connect() as client:
        client.sendall(b"GET /small HTTP/1.1\r\nHost: knot\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := client.recv(65536):
            answer += more
    if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(SMALL):
        raise AssertionError(f"the probe was answered {answer[:300]!r}")
    return time.monotonic() - begin


class Wave:
    """One attack, from its first connection to its last."""

    def __init__(self, server, kind, path):
        command = ["nice", "-n", "19", str(ATTACKERS), str(server.port), str(CONNECTIONS), kind, path]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.server = server
        self.probes = []

    def run(self):
        """Returns what the attackers report."""
        try:
            self.probe_until(lambda: select.select([self.process.stdout], [], [], 0)[0], 30)
            if self.process.stdout.readline() != b"ready\n":
                raise AssertionError("the attackers did not get their connections")
            deadline = time.monotonic() + LAST_SECONDS
            self.probe_until(lambda: time.monotonic() > deadline, 30)
            return json.loads(self.process.communicate(timeout=30)[0])
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()

    def probe_until(self, condition, bound):
        deadline = time.monotonic() + bound
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"5,000 connections took longer than {bound} s")
            self.probes.append(probe(self.server))
            time.sleep(PAUSE_SECONDS)


@unittest.skipIf(programs.SANITIZED, "the bound is the release build's")
class Attacks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        root = pathlib.Path(cls.folder.name)
        for name, content in (("small", SMALL), ("middle", bytes(MIDDLE_BYTES)), ("large", os.urandom(1 << 20) * 8)):
            (root / name).write_bytes(content)
        cls.root = root

    def attack(self, kind, path, waves=1):
        """Runs the waves; returns the last one's report, and the resident bytes after each."""
        resident = []
        with knot_support.Knot(self.root, *OPTIONS, settings={"RONDO_WORKERS": "1"}) as server:
            probe(server)
            fetch(server, path)  # now the cache holds what it will hold
            descriptors = server.descriptors()
            for _ in range(waves):
                wave = Wave(server, kind, path)
                report = wave.run()
                print(f"{kind}: slowest of {len(wave.probes)} probes {1000 * max(wave.probes):.1f} ms; {report}")
                self.assertTrue(programs.wait_until(lambda: server.descriptors() <= descriptors),
                                f"{server.descriptors()} descriptors, {descriptors} before the attack")
                resident.append(server.resident_bytes())
                self.assertGreaterEqual(len(wave.probes), LAST_SECONDS / (PAUSE_SECONDS + BOUND_SECONDS))
                self.assertLessEqual(max(wave.probes), BOUND_SECONDS)
                self.assertEqual(report["failed"], 0, report)
        return report, resident

    def check_cut_off(self, report):
        self.assertGreaterEqual(report["cut"], CONNECTIONS, report)
        self.assertLessEqual(report["longest_ms"], 1000 * (TIMEOUT_SECONDS + SLACK_SECONDS), report)

    def succeeds_once(self, attack):
        for attempt in range(ATTEMPTS):
            try:
                attack()
                return
            except AssertionError as error:
                print(f"attempt {attempt + 1}: {error}")
                if attempt + 1 == ATTEMPTS:
                    raise

    def slow_headers(self):
        report, resident = self.attack("header", "/small", waves=2)
        self.check_cut_off(report)
        self.assertLessEqual(resident[1], resident[0] + MOST_GROWTH)

    def ranges(self):
        report, _ = self.attack("ranges", "/middle")
        self.assertEqual(report["cut"], 0, report)
        self.assertGreater(report["bytes"], CONNECTIONS * MIDDLE_BYTES)

    def test_slow_headers(self):
        self.succeeds_once(self.slow_headers)

    def test_slow_bodies(self):
        self.succeeds_once(lambda: self.check_cut_off(self.attack("body", "/small")[0]))

    def test_slow_readers(self):
        self.succeeds_once(lambda: self.check_cut_off(self.attack("reading", "/large")[0]))

    def test_ranges(self):
        self.succeeds_once(self.ranges)


if __name__ == "__main__":
    unittest.main()
