# SPDX-License-Identifier: Apache-2.0
"""The sizes that the launcher promises: connections, threads and idle stdio clients held by unmodified programs, and looked
into."""
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import time
import unittest

import programs

LOADGEN = programs.BUILD / "bench" / "loadgen"
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
CONNECTIONS = min(15000, DESCRIPTORS - 200)
HAS_LINES = (programs.BUILD / "syscall_shim" / "rondo-unwind").exists()
TRIES = 3
QUIET_SECONDS, BEAT_SECONDS, MOST_LATE_SECONDS = 0.3, 0.001, 0.003
MOST_TASKS = 16
MOST_MAPPINGS = 200


def generate(port, connections, *options):
    done = subprocess.run([str(LOADGEN), "--port", str(port), "--connections", str(connections), "--json", *options],
                          capture_output=True, text=True, timeout=120, check=False)
    return json.loads(done.stdout)


def machine_is_quiet():
    """Whether a thread that sleeps for a millisecond over and over gets its processor each time."""
    begin = before = time.monotonic()
    latest = 0.0
    while before < begin + QUIET_SECONDS:
        time.sleep(BEAT_SECONDS)
        now = time.monotonic()
        latest, before = max(latest, now - before - BEAT_SECONDS), now
    return latest < MOST_LATE_SECONDS


@unittest.skipIf(programs.SANITIZED, "a sanitizer keeps too much for each thread")
class Scale(unittest.TestCase):
    def test_echo_holds_15000_connections(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(workers=settings["RONDO_WORKERS"]):
                with programs.Server("echo", settings=settings) as server:
                    result = generate(server.port, CONNECTIONS, "--lines", "10")
                    self.assertTrue(result["ok"], result)
                    self.assertEqual((result["finished"], result["lines"]), (CONNECTIONS, 10 * CONNECTIONS))
                    self.assertLessEqual(server.tasks(), MOST_TASKS)

    def test_stdio_echo_serves_one_more_beside_1000_idle_clients(self):
        with programs.Server("echo_stdio", settings={"RONDO_WORKERS": "1"}) as server:
            idle = [server.connect() for _ in range(1000)]
            with server.connect() as client, client.makefile("rw") as lines:
                lines.write("one more\n")
                lines.flush()
                self.assertEqual(lines.readline(), "one more\n")
            for connection in idle[::100]:
                connection.sendall(b"awake\n")
                self.assertEqual(connection.recv(100), b"awake\n")
            for connection in idle:
                connection.close()

    def test_100000_threads_on_one_condition_variable(self):
        process = subprocess.Popen(programs.command("syscall_shim/many_threads", (100000,)), env=programs.environment(),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with process:
            self.assertEqual(process.stdout.readline(), "waiting\n")
            with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
                self.assertLessEqual(sum(1 for _ in maps), MOST_MAPPINGS)
            self.assertLessEqual(len(os.listdir(f"/proc/{process.pid}/task")), MOST_TASKS)
            self.assertEqual(process.communicate("\n", timeout=60)[0], "joined 100000\n")
        self.assertEqual(process.returncode, 0)

    @unittest.skipUnless(HAS_LINES, "built without libdw")
    def test_the_place_of_each_of_15000_connections_is_named(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(workers=settings["RONDO_WORKERS"]), programs.Server("echo", settings=settings) as server, \
                    contextlib.ExitStack() as clients:
                for _ in range(CONNECTIONS):
                    clients.enter_context(server.connect())
                waiting = re.compile(r"(?m)^ +\d+  -  .* parked    read, descriptor \d+ .* serve at echo\.c:\d+$")
                listing = ""

                def all_wait():
                    nonlocal listing
                    done = programs.rondo("ps", server.process.pid)
                    self.assertEqual((done.returncode, done.stderr), (0, ""))
                    listing = done.stdout
                    return len(waiting.findall(listing)) == CONNECTIONS

                self.assertTrue(programs.wait_until(all_wait), listing[-1000:])
                stacks = programs.rondo("stacks", server.process.pid).stdout
                self.assertRegex(stacks, rf"\A{CONNECTIONS} threads: read: .*\n  #0  serve at .*echo\.c:\d+\n")

    def test_100000_threads_are_listed_within_a_second_and_none_stands_still_for_10_ms(self):
        seen = []
        for _ in range(TRIES):
            process = subprocess.Popen(programs.command("syscall_shim/inspected", ("many", 100000)), env=programs.environment(),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            with process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                quiet = machine_is_quiet()
                begin = time.monotonic()
                done = programs.rondo("ps", process.pid)
                seconds = time.monotonic() - begin
                self.assertEqual((done.returncode, done.stderr, done.stdout.count("\n")), (0, "", 100003))
                microseconds = int(re.search(r"\d+", process.communicate("", timeout=60)[0])[0])
            if seconds < 1 and microseconds < 10000:
                return
            seen += [f"{seconds:.2f} s, away for {microseconds} us"] if quiet and machine_is_quiet() else []
        if not seen:
            self.skipTest("other processes keep the processors")
        self.fail(str(seen))


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    unittest.main()
