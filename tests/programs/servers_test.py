# SPDX-License-Identifier: Apache-2.0
"""The servers of docs/examples: clients see the same, byte for byte, from each server natively and under `rondo`.

Each server runs in several worlds: natively; under rondo with 1 and 2 workers as it is; the same with a thread started before
main (programs/thread_first.c), so that main and whatever it calls and forks is on a Rondo thread even in the servers that have
no threads of their own; and with main in a second thread (programs/thread_main.c), on another worker if there is one.

In each world the same clients (support/clients.py) do the same to it. The server's standard input and output are pipes shared
with the test, or a terminal: their flags must be unchanged afterwards. It is ended by SIGTERM; its status is compared too, and
no process of its may be left.
"""
import collections
import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import termios
import unittest

import clients
import programs

World = collections.namedtuple("World", "name native settings")
PRELOADED = programs.BUILD / "tests" / "programs"
LISTENING = re.compile(rb"listening on port (\d+)\n")
SECONDS = 10 * programs.TIME_FACTOR
NATIVE = World("native", True, {})
PLAIN = tuple(World(f"rondo, {workers} workers", False, {"RONDO_WORKERS": workers}) for workers in ("1", "2"))


def preloading(library, effect):
    """The worlds of PLAIN with a library of this folder preloaded into the program."""
    return tuple(World(f"{world.name}, {effect}", False, {**world.settings, "LD_PRELOAD": str(PRELOADED / library)})
                 for world in PLAIN)


STARTED = preloading("thread_first.so", "main is a thread")
SECOND = preloading("thread_main.so", "main is the second thread")
ALL = PLAIN + STARTED + SECOND
CONNECTIONS = 2000
NO_THREADS_AFTER_FORK = unittest.skipIf(programs.SANITIZE == "thread", "libtsan makes no threads in a forked child")
RUNTIME_WAITS = {"441", "202"}  # epoll_pwait2 and futex


def processes_of(group):
    """The living processes of a process group."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit():
                state, _, its_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                if int(its_group) == group and state not in "ZX":
                    found.append(int(entry.name))
    return found


class Server:
    """An example server in one world, with a pipe or a terminal as its standard input and a pipe as its output."""

    def __init__(self, world, program, *args, stdin=None):
        self.world = world
        self.stack = contextlib.ExitStack()
        self.errors = self.stack.enter_context(tempfile.TemporaryFile())
        self.stdin = stdin if stdin is not None else self.pipe()[0]
        self.output, own_output = self.pipe()
        self.shared = (self.stdin, own_output)
        self.flags = self.flags_now()
        self.process = subprocess.Popen(programs.command(program, (0, *args), world.native), stdin=self.stdin, stdout=own_output,
                                        env=programs.environment(world.settings, world.native), stderr=self.errors,
                                        start_new_session=True)

    def pipe(self):
        ends = os.pipe()
        for end in ends:
            self.stack.callback(os.close, end)
        return ends

    def flags_now(self):
        return [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in self.shared]

    def __enter__(self):
        try:
            first = self.read_line()
            self.port = int(LISTENING.fullmatch(first)[1])
        except Exception:
            self.stop()
            raise
        return self

    def read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.output], [], [], SECONDS)[0]:
                raise TimeoutError(f"the server printed {line!r} and no more")
            line += os.read(self.output, 1)
        return line

    def __exit__(self, kind, error, _):
        self.stop()
        if error is not None:
            error.add_note(f"in the world: {self.world.name}; the server's errors:\n{self.error_text()}")
        self.stack.close()

    def stop(self):
        """Ends the server if it has not ended, and whatever is left of it."""
        if self.process.poll() is None:
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(SECONDS)
        self.left = not programs.wait_until(lambda: not processes_of(self.process.pid))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(SECONDS)

    def error_text(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def system_calls(self):
        """What each kernel thread of the server's is in, by number, or that it runs. The inspector's waits for those who ask it."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sorted((task / "syscall").read_text().split()[0] for task in tasks
                      if (task / "comm").read_text() != "rondo-inspect\n")

    def children(self):
        own = pathlib.Path(f"/proc/{self.process.pid}/task")
        return [child for task in own.iterdir() for child in (task / "children").read_text().split()]


class ServerTest(unittest.TestCase):
    maxDiff = 2000

    def ran_well(self, server):
        """After the end: what every server must have left as it was."""
        self.assertEqual(server.left, False, f"{server.world.name}: processes were left")
        self.assertEqual(server.flags_after, server.flags, f"{server.world.name}: flags of shared descriptors")

    def transcript(self, world, script, program, *args):
        with Server(world, program, *args) as server:
            seen = script(server.port)
            server.stop()
            server.flags_after = server.flags_now()
            self.ran_well(server)
            return seen, server.process.returncode

    def compare(self, script, program, *args):
        expected = self.transcript(NATIVE, script, program, *args)
        for world in ALL:
            with self.subTest(world=world.name):
                self.assertEqual(self.transcript(world, script, program, *args), expected)


class Streams(ServerTest):
    def check(self, at_once, program, *args):
        self.compare(lambda port: clients.streams(port, at_once), program, *args)

    def test_tcp_iterative(self):
        self.check(1, "tcp_iterative")

    def test_fork_per_connection(self):
        self.check(8, "fork_per_connection")

    def test_select_server(self):
        self.check(8, "select_server")

    def test_poll_server(self):
        self.check(8, "poll_server")

    def test_epoll_level(self):
        self.check(8, "epoll_level")

    def test_epoll_edge(self):
        self.check(8, "epoll_edge")

    def test_thread_per_connection(self):
        self.check(8, "thread_per_connection")

    def test_thread_detached(self):
        self.check(8, "thread_detached")

    def test_prefork_accept(self):
        self.check(4, "prefork_accept")

    def test_prefork_lock_mutex(self):
        self.check(4, "prefork_lock", "mutex")

    def test_prefork_lock_file(self):
        self.check(4, "prefork_lock", "file")

    def test_prefork_pass(self):
        self.check(4, "prefork_pass")

    @NO_THREADS_AFTER_FORK
    def test_prefork_threads(self):
        self.check(8, "prefork_threads")

    def test_prethread_mutex(self):
        self.check(4, "prethread_mutex")

    def test_prethread_queue(self):
        self.check(4, "prethread_queue")


class Datagrams(ServerTest):
    def test_udp_iterative(self):
        self.compare(clients.datagrams, "udp_iterative")

    def test_signal_driven(self):
        self.compare(clients.datagrams, "signal_driven")

    def test_udp_threads(self):
        self.compare(lambda port: (clients.datagrams(port), clients.slow_datagrams(port)), "udp_threads")

    def test_udp_ports(self):
        self.compare(clients.conversations, "udp_ports")
        self.assertEqual(self.transcript(NATIVE, clients.conversations, "udp_ports")[0][1:], (5, False))


@unittest.skipIf(programs.SANITIZE == "thread", "libtsan's own kernel thread sleeps in a call of its own")
class Parking(ServerTest):
    """A server that waits for its clients waits in the runtime: no call of its own holds a worker."""

    def check(self, talk, program, *args):
        for world in STARTED + SECOND:
            with self.subTest(world=world.name), Server(world, program, *args) as server:
                talk(server.port)
                self.assertTrue(programs.wait_until(lambda: set(server.system_calls()) <= RUNTIME_WAITS),
                                f"{world.name}: system calls {server.system_calls()}")

    def test_tcp_servers(self):
        for program in ("tcp_iterative", "thread_per_connection", "thread_detached", "prethread_mutex", "prethread_queue"):
            self.check(lambda port: clients.interleaved(port, 1), program)

    def test_event_loops(self):
        for program in ("select_server", "poll_server", "epoll_level", "epoll_edge"):
            self.check(lambda port: clients.interleaved(port, 8), program)

    def test_servers_that_fork(self):
        for program in ("fork_per_connection", "prefork_accept", "prefork_pass"):
            self.check(lambda port: clients.interleaved(port, 2), program)

    def test_datagram_servers(self):
        for program in ("udp_iterative", "udp_threads"):
            self.check(lambda port: clients.datagrams(port, 1), program)
        self.check(lambda port: clients.datagrams(port, 1), "signal_driven")
        self.check(lambda port: clients.conversations(port, 1), "udp_ports")


class SelectOnTerminal(ServerTest):
    def session(self, world):
        """A user at a terminal types commands while clients come and go."""
        user, terminal = pty.openpty()
        with contextlib.ExitStack() as stack:
            for end in (user, terminal):
                stack.callback(os.close, end)
            before = termios.tcgetattr(terminal)
            with Server(world, "select_server", stdin=terminal) as server:
                seen = []
                connections = [stack.enter_context(clients.connect(server.port)) for _ in range(3)]
                for connection in connections:
                    connection.sendall(b"hello\n")
                    seen.append(clients.read_exactly(connection, 6))
                os.write(user, b"clients\nnonsense\n")
                seen += [server.read_line(), server.read_line()]
                connections[0].shutdown(clients.socket.SHUT_WR)
                seen.append(clients.read_all(connections[0]))
                os.write(user, b"clients\nquit\n")
                seen += [server.read_line(), clients.read_all(connections[1]), server.process.wait(SECONDS)]
                server.flags_after = server.flags_now()
                server.stop()
                self.ran_well(server)
            self.assertEqual(termios.tcgetattr(terminal), before, world.name)
        return seen

    def test_commands_and_clients(self):
        expected = self.session(NATIVE)
        self.assertEqual(expected, [b"HELLO\n"] * 3 + [b"3\n", b"commands: clients, quit\n", b"", b"2\n", b"", 0])
        for world in ALL:
            with self.subTest(world=world.name):
                self.assertEqual(self.session(world), expected)


class ManyConnections(ServerTest):
    def check(self, children, program, *args):
        for world in (PLAIN[0], STARTED[1], SECOND[1]):
            with self.subTest(world=world.name), Server(world, program, *args) as server:
                self.assertEqual(clients.many(server.port, CONNECTIONS), CONNECTIONS)
                self.assertTrue(programs.wait_until(lambda: len(server.children()) == children),
                                f"{world.name}: children {server.children()}, not {children} of them")
                server.stop()
                server.flags_after = server.flags_now()
                self.ran_well(server)

    @unittest.skipIf(programs.SANITIZE == "thread", "libtsan keeps a signal until the next call that it sees; the "
                     "runtime's accept, which waits for a connection, is none")
    def test_fork_per_connection(self):
        self.check(0, "fork_per_connection")

    def test_prefork_accept(self):
        self.check(4, "prefork_accept")

    def test_prefork_lock_mutex(self):
        self.check(4, "prefork_lock", "mutex")

    def test_prefork_lock_file(self):
        self.check(4, "prefork_lock", "file")

    def test_prefork_pass(self):
        self.check(4, "prefork_pass")

    @NO_THREADS_AFTER_FORK
    def test_prefork_threads(self):
        self.check(4, "prefork_threads")


if __name__ == "__main__":
    unittest.main()
