# SPDX-License-Identifier: Apache-2.0
"""`rondo explore` finds what is wrong with the lessons that are wrong on purpose, says so in the stored words, and can repeat it.

tests/programs/expected/NAME.txt is what it prints, with addresses, paths, seeds and counts masked. To store a new text, run
this file with RONDO_TEST_STORE=1 and read the difference. races_repeat_test.py repeats each failure a hundred times.
"""
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import programs

EXPECTED = pathlib.Path(__file__).parent / "expected"
SECONDS = 30
FEW = 3

# Name of the text: the program, its arguments, options of explore.
CASES = {
    "counter_race": ("programs/counter_race_watched", (), ()),
    "argument_race": ("programs/argument_race_watched", ("wrong",), ()),
    "philosophers": ("programs/dining_philosophers_explored", ("30", "left"), ()),
    "signal_log": ("programs/signal_log_explored", (), ()),
    "livelock": ("programs/livelock_explored", (), ("--choices", "100000")),
    "starvation": ("programs/starvation_explored", (), ("--choices", "100000")),
}


def masked(text):
    """What differs between machines and builds, the seed, and counts of no interest."""
    text = re.sub(r"\S*/(?=[\w.]+:\d)", "", text)
    text = re.sub(r"0x[0-9a-f]+", "ADDRESS", text)
    text = re.sub(r"(?<=rondo )\S*/(?=\w)", "", text)
    text = re.sub(r"after \d+ replays", "after N replays", text)
    text = re.sub(r" of \d+, after", " of M, after", text)
    text = re.sub(r"(?m)^  \d+ (?=next|yield)", "  K ", text)
    text = re.sub(r"\(\d+ calls\)", "(N calls)", text)
    # Threads of a loop are met at any point of it.
    text = re.sub(r"thread \d+ (?=\(N calls\) can run)|(?<=where )thread \d+(?= stands)", "thread T ", text)
    text = re.sub(r"(?m)^    #\d+ ", "    ", text)
    text = re.sub(r"(?<=can run\n)    +(un)?lock at check.h:\d+\n", "", text)
    text = re.sub(r"(can run\n +\w+ at [\w.]+:)\d+", r"\1LINE", text)
    text = text.replace("mutex_locked", "mutex_lock")
    return re.sub(r"(?<=seed[ :])\d+", "S", text)


class Races(unittest.TestCase):
    def setUp(self):
        if programs.SANITIZED:
            self.skipTest("a sanitizer's own library would be loaded besides")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = directory.name

    def explore(self, name):
        program, arguments, options = CASES[name]
        command = [str(programs.LAUNCHER), "explore", "--output", "found.replay", *options, programs.path_of(program), *arguments]
        return subprocess.run(command, env=programs.environment(), cwd=self.folder, capture_output=True, text=True,
                              timeout=3 * SECONDS, check=False)

    def run_schedule(self, name, schedule):
        """One run: its status and what it says, without what names the schedule itself."""
        program, arguments, options = CASES[name]
        settings = {"RONDO_SCHED": schedule, "RONDO_DEADLOCK": "abort"}
        if options:
            settings["RONDO_CHOICES"] = options[1]
        done = subprocess.run(programs.command(program, arguments), env=programs.environment(settings), cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False)
        return done.returncode, re.sub(r"; RONDO_SCHED=\S+", "", done.stderr)

    def find(self, name):
        begin = time.monotonic()
        done = self.explore(name)
        self.assertLess(time.monotonic() - begin, SECONDS)
        self.assertEqual((done.returncode, done.stderr), (1, ""), done.stdout)
        return done.stdout

    def repeats(self, name, times):
        seed = re.search(r"RONDO_SCHED=(seed:\d+)", self.find(name))[1]
        for schedule in (seed, "replay:found.replay"):
            first = self.run_schedule(name, schedule)
            self.assertNotEqual(first[0], 0, first)
            self.assertIn("rondo: ", first[1])
            for count in range(1, times):
                self.assertEqual(self.run_schedule(name, schedule), first, f"{schedule}, run {count}")


class Findings(Races):
    def check(self, name, otherwise=("\0", "")):
        text, stored = masked(self.find(name)).replace(*otherwise), EXPECTED / f"{name}.txt"
        if os.environ.get("RONDO_TEST_STORE"):
            stored.write_text(text)
        self.assertEqual(text, stored.read_text())

    def test_counter_race(self):
        # Of x++ clang announces the write alone.
        self.check("counter_race", otherwise=("thread 3 writes it", "thread 3 reads it"))

    def test_argument_race(self):
        self.check("argument_race")

    def test_philosophers(self):
        self.check("philosophers")

    def test_signal_log(self):
        self.check("signal_log")

    def test_livelock(self):
        self.check("livelock")

    def test_starvation(self):
        self.check("starvation")

    def test_each_is_repeated(self):
        for name in CASES:
            with self.subTest(name=name):
                self.repeats(name, FEW)


class Correct(Races):
    """What is right must not be reported."""

    def nothing(self, program, *arguments, runs=40):
        done = subprocess.run([str(programs.LAUNCHER), "explore", "--runs", str(runs), programs.path_of(program), *arguments],
                              env=programs.environment(), cwd=self.folder, capture_output=True, text=True,
                              timeout=3 * SECONDS, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_right_way_to_pass_arguments(self):
        self.nothing("programs/argument_race_watched", "right")

    def test_forks_taken_in_order(self):
        self.nothing("programs/dining_philosophers_explored", "5")

    def test_what_orders_accesses(self):
        self.nothing("programs/ordered_watched")


if __name__ == "__main__":
    unittest.main()
