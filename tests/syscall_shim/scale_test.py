# SPDX-License-Identifier: Apache-2.0
"""The sizes that the launcher promises: connections, threads and idle stdio clients held by unmodified programs."""
import json
import os
import resource
import socket
import subprocess
import unittest

import programs

LOADGEN = programs.BUILD / "bench" / "loadgen"
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
CONNECTIONS = min(15000, DESCRIPTORS - 200)
MOST_TASKS = 16
MOST_MAPPINGS = 200


def generate(port, connections, *options):
    done = subprocess.run([str(LOADGEN), "--port", str(port), "--connections", str(connections), "--json", *options],
                          capture_output=True, text=True, timeout=120, check=False)
    return json.loads(done.stdout)


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


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    unittest.main()
