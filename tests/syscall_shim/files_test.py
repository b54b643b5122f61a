# SPDX-License-Identifier: Apache-2.0
"""Files, paths and name look-ups under `rondo`: they behave as natively, and a slow one holds up no other thread.

The slow file system is a FUSE server of our own (slow_fuse.py).
"""
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
            self.assertEqual((read, mount.opens, mount.reads), (READERS, READERS, READERS))
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


if __name__ == "__main__":
    unittest.main()
