# SPDX-License-Identifier: Apache-2.0
"""A short run of the close-and-reuse stress on 1, 2 and 4 workers; `./dev test --close-reuse` plays a million rounds."""
import subprocess
import unittest

import programs

PROGRAM = programs.BUILD / "tests" / "stress" / "close_reuse"
ROUNDS = 600 if programs.SANITIZED else 3000


class CloseReuse(unittest.TestCase):
    def check(self, workers):
        done = subprocess.run([PROGRAM, "--rounds", str(ROUNDS), "--workers", workers, "--seed", "1"],
                              capture_output=True, text=True, timeout=50)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1:]), (0, ["nothing lost"]), done.stderr)

    def test_one_worker(self):
        self.check("1")

    def test_two_workers(self):
        self.check("2")

    def test_four_workers(self):
        self.check("4")


if __name__ == "__main__":
    unittest.main()
