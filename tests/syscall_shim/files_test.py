# SPDX-License-Identifier: Apache-2.0
"""Files, paths and name look-ups under `rondo`: they behave as natively, and a slow one holds up no other thread.

The slow file system is a FUSE server of our own (slow_fuse.py).
"""
import contextlib
import pathlib
import socket
import subprocess
import tempfile
import unittest

import programs
import slow_fuse

BINARIES = programs.BUILD / "tests" / "syscall_shim"
READERS = 64
MOST_MICROSECONDS = 5000
ATTEMPTS = 5


class Files(unittest.TestCase):
    maxDiff = None

    def test_files_behave_as_natively(self):
        expected = programs.run(BINARIES / "files", native=True, timeout=60)
        self.assertEqual(expected.returncode, 0, expected)
        for name in ("files", "files_fortified"):
            for settings in programs.CONFIGURATIONS:
                with self.subTest(program=name, workers=settings["RONDO_WORKERS"]):
                    done = programs.run(BINARIES / name, settings=settings, timeout=60)
                    self.assertEqual((done.returncode, done.stdout), (0, expected.stdout), done)

    def read_slowly(self, settings):
        """Reads all slow files; returns the 99th percentile of the cached requests meanwhile."""
        with slow_fuse.Mount(delay=0.5) as mount, tempfile.NamedTemporaryFile() as cached:
            cached.write(b"cached " * 100)
            cached.flush()
            done = programs.run(BINARIES / "slow_files", mount.path, cached.name, READERS, settings=settings, timeout=60)
            self.assertEqual(done.returncode, 0, done)
            read, percentile = map(int, done.stdout.split())
            self.assertEqual((read, mount.opens), (READERS, READERS))
            self.assertGreaterEqual(mount.reads, READERS)
            return percentile

    def test_slow_files_do_not_hold_up_cached_ones(self):
        try:
            with slow_fuse.Mount(delay=0):
                pass
        except OSError as error:
            self.skipTest(f"no file system can be mounted here: {error}")
        # The machine may be busy with something else for a while: one quiet run tells.
        seen = []
        while len(seen) < ATTEMPTS and not (seen and min(seen) <= MOST_MICROSECONDS * programs.TIME_FACTOR):
            seen.append(self.read_slowly(programs.CONFIGURATIONS[0]))
        self.assertLessEqual(min(seen), MOST_MICROSECONDS * programs.TIME_FACTOR, seen)


DEAD_SERVER = "127.0.0.53", 53


@contextlib.contextmanager
def dead_name_server():
    """A prefix for commands that then know only a name server which takes every question and answers none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, tempfile.TemporaryDirectory() as folder:
        server.bind(DEAD_SERVER)
        settings = pathlib.Path(folder) / "resolv.conf"
        settings.write_text(f"nameserver {DEAD_SERVER[0]}\noptions timeout:1 attempts:2\n")
        prefix = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(settings)]
        subprocess.run([*prefix, "true"], check=True, capture_output=True, timeout=30)
        yield prefix


class Names(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        try:
            self.prefix = self.enterContext(dead_name_server())
        except (OSError, subprocess.CalledProcessError) as error:
            self.skipTest(f"no name server of our own can be set up here: {error}")

    def look_up(self, *args, settings=None, native=False):
        # What is preloaded for the program does not concern the commands before it.
        inner, outer = programs.environment(settings, native), programs.environment(settings, native=True)
        preload = ["env", "LD_PRELOAD=" + inner["LD_PRELOAD"]] if inner != outer else []
        command = preload + programs.command(BINARIES / "names", args, native=native)
        done = subprocess.run(self.prefix + command, env=outer, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60 * programs.TIME_FACTOR, check=False)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def test_answers_are_those_of_libc(self):
        expected = self.look_up("answers", native=True)
        for settings in programs.CONFIGURATIONS:
            with self.subTest(workers=settings["RONDO_WORKERS"]):
                self.assertEqual(self.look_up("answers", settings=settings), expected)

    def test_a_dead_server_does_not_hold_up_files(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(1 << 16))
            file.flush()
            for settings in programs.CONFIGURATIONS:
                with self.subTest(workers=settings["RONDO_WORKERS"]):
                    self.look_up("files", file.name, settings=settings)

    def test_slow_files_do_not_hold_up_look_ups(self):
        with slow_fuse.Mount(delay=0.5) as mount:
            self.look_up("look-ups", mount.path, settings=programs.CONFIGURATIONS[0])


if __name__ == "__main__":
    unittest.main()
