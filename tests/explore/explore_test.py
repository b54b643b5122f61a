# SPDX-License-Identifier: Apache-2.0
"""The runtime's scenarios under 20,000 seeds (a sanitizer's build: fewer), and the runner on what is broken on purpose.

`./dev test --explore` plays a million seeds.
"""
import re
import subprocess
import unittest

import programs

PROGRAM = programs.BUILD / "tests" / "explore" / "explore"
SEEDS = {"none": 20_000, "address": 1_000, "thread": 500}[programs.SANITIZE.split(",")[0]]
LIMIT = 170 * programs.TIME_FACTOR


def explore(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, errors="replace", timeout=LIMIT)


class Explore(unittest.TestCase):
    def test_seeds(self):
        done = explore(f"1-{SEEDS}")
        self.assertEqual((done.returncode, done.stdout), (0, f"{SEEDS} seeds, no failure\n"), done.stderr)

    def failure(self, scenario, seeds="1-1000"):
        """How the scenario fails: the seed and the ending that the runner tells."""
        done = explore("--only", scenario, seeds)
        self.assertEqual(done.returncode, 1, done.stderr)
        told = re.search(rf"^explore: {scenario}, seed (\d+): (.*)$", done.stderr, re.MULTILINE)
        self.assertIsNotNone(told, done.stderr)
        self.assertIn(f"--only {scenario} {told[1]}\n", done.stderr)
        return told[1], told[2]

    def test_a_failure_repeats_from_its_seed(self):
        seed, ending = self.failure("broken_count")
        for _ in range(5):
            self.assertEqual(self.failure("broken_count", seed), (seed, ending))

    def test_a_fault_does_not_hide_its_seed(self):
        # libtsan reports a fault itself and ends the process with its own status.
        ending = "exit status 66" if programs.SANITIZE == "thread" else "ended by Segmentation fault"
        self.assertEqual(self.failure("broken_page"), ("1", ending))

    def test_an_exit_is_a_failure(self):
        self.assertEqual(self.failure("broken_end"), ("1", "exit status 3"))

    def test_a_round_that_cannot_go_on_ends(self):
        seed, ending = self.failure("broken_wait")
        self.assertEqual(seed, "1")
        self.assertRegex(ending, "ended by Aborted|no end")


if __name__ == "__main__":
    unittest.main()
