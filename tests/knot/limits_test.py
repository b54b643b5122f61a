# SPDX-License-Identifier: Apache-2.0
"""Limits and timeouts of knot and knot-nptl.

Timeouts are set to a second or two; what must not happen before a timeout is asserted by what the server answers, not by sleeping.
"""
import contextlib
import os
import pathlib
import resource
import socket
import sys
import unittest

import programs

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import knot_cases  # noqa: E402
import knot_support  # noqa: E402
from knot_cases import GET, Cases, content, receive_all, receive_until  # noqa: E402


class Limits(Cases):
    def test_timeouts(self):
        options = ("--idle-timeout", "1", "--header-timeout", "1", "--body-timeout", "1")
        with self.serve(*options) as server, contextlib.ExitStack() as stack:
            idle, head, body, after = [stack.enter_context(server.connect()) for _ in range(4)]
            head.sendall(b"GET / HTTP/1.1\r\n")
            body.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n1234")
            after.sendall(GET)
            self.assertEqual(receive_all(idle), b"")
            self.assertTrue(receive_all(head).startswith(b"HTTP/1.1 408 "))
            self.assertTrue(receive_all(body).startswith(b"HTTP/1.1 408 "))
            self.assertTrue(receive_all(after).endswith(content(1024)))

    def test_a_client_that_drips_is_cut_off(self):
        with self.serve("--header-timeout", "1") as server, server.connect() as client:
            client.settimeout(0.05)
            answer = b""
            for _ in range(int(knot_support.SECONDS / 0.05)):
                with contextlib.suppress(OSError):
                    client.sendall(b"G")
                with contextlib.suppress(TimeoutError):
                    answer = client.recv(4096)
                    break
            self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)

    def test_a_client_that_does_not_read_is_cut_off(self):
        with self.serve("--send-timeout", "1", "--min-rate", "100000000") as server, socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", server.port))
            client.sendall(GET.replace(b"f1024", b"f3000000") * 5)
            client.recv(1)
            before = server.descriptors()
            self.assertTrue(programs.wait_until(lambda: server.descriptors() < before), "the connection stays")
            client.settimeout(knot_support.SECONDS)
            self.assertLess(len(receive_all(client)), 15000000)

    def test_connections_beyond_the_limit_wait(self):
        with self.serve("--connections", "3") as server, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(server.connect()) for _ in range(4)]
            for client in clients:
                client.sendall(GET)
            for client in clients[:3]:
                receive_until(client, content(1024))
            self.assertTrue(programs.wait_until(lambda: "accepting pauses" in server.output()))
            clients[0].close()
            receive_until(clients[3], content(1024))
            self.assertEqual(server.output().count("accepting pauses"), 1)

    def test_without_descriptors_accepting_pauses_and_does_not_spin(self):
        with self.serve() as server, contextlib.ExitStack() as stack:
            with server.connect() as client:
                client.sendall(GET)
                receive_until(client, content(1024))
            room = server.descriptors() + 5
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (room, room))
            clients = [stack.enter_context(server.connect()) for _ in range(20)]
            for client in clients:
                client.sendall(GET)
            self.assertTrue(programs.wait_until(lambda: "accepting pauses" in server.output()))
            before = self.processor_seconds(server)
            self.assertFalse(programs.wait_until(lambda: server.process.poll() is not None, 1))
            self.assertLess(self.processor_seconds(server) - before, 0.3 * programs.TIME_FACTOR)
            for client in clients:
                receive_until(client, content(1024))
                client.close()
            self.assertEqual(server.output().count("accepting pauses"), 1, server.output())

    @staticmethod
    def processor_seconds(server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")



def load_tests(loader, tests, _):
    return knot_cases.load(loader, tests, Limits)


if __name__ == "__main__":
    unittest.main()
