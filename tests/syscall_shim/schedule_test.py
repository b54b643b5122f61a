# SPDX-License-Identifier: Apache-2.0
"""A schedule is a number: the same seed is the same run, to the last byte of its output and its trace; other seeds are other
runs; and a trace replays the run that wrote it. The program (programs/schedules.c) prints the order in which its threads
ran, and each reading of the clock."""
import pathlib
import re
import tempfile
import unittest

import programs

PROGRAM = programs.BUILD / "tests" / "syscall_shim" / "schedules"
CHANCES = programs.BUILD / "tests" / "syscall_shim" / "chances"
SEEDS = (0, 1, 2, 3, 4, 5, 2**64 - 1)
RUNS = 50 if not programs.SANITIZED else 5
HEADER = "rondo-trace 1 "


class Schedules(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.trace = pathlib.Path(folder.name) / "trace"

    def run_with(self, schedule, *args, trace=True, program=PROGRAM):
        """Output and trace of one run."""
        settings = {"RONDO_SCHED": schedule, **({"RONDO_TRACE": str(self.trace)} if trace else {})}
        done = programs.run(program, *args, settings=settings)
        self.assertEqual((done.returncode, done.stderr), (0, ""), schedule)
        return done.stdout, self.trace.read_text() if trace else ""

    def test_the_same_seed_is_the_same_run(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                runs = {self.run_with(f"seed:{seed}", "times") for _ in range(RUNS)}
                self.assertEqual(len(runs), 1)
                (_, trace), = runs
                self.assertTrue(trace.startswith(f"{HEADER}seed:{seed}\n"), trace[:80])

    def test_other_seeds_are_other_runs(self):
        seeds = range(60)
        outputs = {self.run_with(f"seed:{seed}", trace=False)[0] for seed in seeds}
        self.assertGreater(len(outputs), 50)
        self.assertEqual(len({"".join(sorted(re.sub(r"had|begins", "", output).split())) for output in outputs}), 1)

    def test_a_trace_replays_its_run(self):
        for seed in SEEDS:
            output, trace = self.run_with(f"seed:{seed}", "times")
            kept = self.trace.with_suffix(".kept")
            kept.write_text(trace)
            again, trace_again = self.run_with(f"replay:{kept}", "times")
            self.assertEqual(again, output, seed)
            self.assertEqual(trace_again.splitlines()[1:], trace.splitlines()[1:], seed)

    def happenings(self, seeds, *args, faults=""):
        return {word for seed in seeds
                for word in self.run_with(f"seed:{seed}{faults}", *args, trace=False, program=CHANCES)[0].split()}

    def test_what_posix_leaves_open_happens(self):
        """The program itself refuses what POSIX forbids."""
        seeds = range(80)
        self.assertEqual(self.happenings(seeds), {"wake", "piece", "late"})
        self.assertEqual(self.happenings(seeds, "handler"), {"wake", "piece", "late", "eintr"})
        self.assertEqual(self.happenings(seeds, "restart") - {"eintr"}, {"wake", "piece", "late"})
        self.assertIn("fail", self.happenings(range(20), faults=",faults"))

    def test_nothing_of_it_happens_without_a_seed(self):
        for settings in ({}, {"RONDO_WORKERS": "1"}):
            done = programs.run(CHANCES, "handler", settings=settings)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_lines_of_a_trace_may_be_deleted(self):
        _, trace = self.run_with("seed:4")
        kept = self.trace.with_suffix(".kept")
        lines = trace.splitlines(keepends=True)
        outputs = set()
        for left in (lines[:1], lines[:1] + lines[2::2], lines[:-1]):
            kept.write_text("".join(left))
            runs = {self.run_with(f"replay:{kept}", trace=False)[0] for _ in range(5)}
            self.assertEqual(len(runs), 1)
            outputs |= runs
        self.assertGreater(len(outputs), 1)

    def test_what_is_no_trace_is_refused(self):
        cases = {
            "": 'no trace: it must begin with "rondo-trace 1 "',
            "rondo-trace 2 seed:1\n": 'no trace: it must begin with "rondo-trace 1 "',
            f"{HEADER}seed:1\nnext\n": "not a choice: next",
            f"{HEADER}seed:1\n1 next\n": "not a choice: 1 next",
            f"{HEADER}seed:1\n1 sleep 1\n": "not a choice: 1 sleep 1",
            f"{HEADER}seed:1\n1 next 1 1\n": "not a choice: 1 next 1 1",
            f"{HEADER}seed:1\n-1 next 1\n": "not a choice: -1 next 1",
            f"{HEADER}seed:1\n1 next 99999999999999999999\n": "not a choice: 1 next 99999999999999999999",
            f"{HEADER}seed:1\n2 next 1\n2 yield 1\n": "not in order: 2 yield 1",
        }
        for text, problem in cases.items():
            with self.subTest(text=text):
                self.trace.write_text(text)
                done = programs.run(PROGRAM, settings={"RONDO_SCHED": f"replay:{self.trace}"})
                self.assertEqual((done.returncode, done.stdout, done.stderr), (2, "", f"rondo: {self.trace}: {problem}\n"))
        done = programs.run(PROGRAM, settings={"RONDO_SCHED": "replay:/nonexistent"})
        self.assertEqual((done.returncode, done.stderr), (2, "rondo: /nonexistent: the trace cannot be read\n"))

    def test_a_trace_of_another_program_does_not_hang(self):
        self.trace.write_text(f"{HEADER}seed:1\n" + "".join(f"{number} next 63\n" for number in range(1000)))
        self.run_with(f"replay:{self.trace}", trace=False)

    def test_time_is_the_schedules_from_the_first_call_on(self):
        """Sleeping for an hour takes no time, with threads or without."""
        script = "import time, datetime; time.sleep(3600); print(time.monotonic() >= 4600, datetime.datetime.now().year)"
        done = programs.run("/usr/bin/python3", "-c", script, settings={"RONDO_SCHED": "seed:1", "TZ": "UTC"})
        self.assertEqual((done.returncode, done.stdout), (0, "True 2000\n"), done.stderr)

    def test_the_trace_survives_a_crash(self):
        script = "import os, threading\nt = threading.Thread(target=lambda: os.kill(os.getpid(), 9)); t.start(); t.join()"
        done = programs.run("/usr/bin/python3", "-c", script,
                            settings={"RONDO_SCHED": "seed:0", "RONDO_TRACE": str(self.trace)})
        self.assertEqual(done.returncode, -9, done.stderr)
        self.assertTrue(self.trace.read_text().startswith(f"{HEADER}seed:0\n"))


if __name__ == "__main__":
    unittest.main()
