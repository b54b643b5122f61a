# SPDX-License-Identifier: Apache-2.0
"""`rondo explore` itself: which runs it takes for failures, which seed it reports, how it shrinks, what it writes.

The program is a script without threads that honours RONDO_SCHED and RONDO_TRACE as the runtime does, so that the seed which
fails, its choices and those of them that matter are known. Whole programs are explored in tests/programs/races_test.py.
"""
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

import programs

def script(failure, seeds="$((seed % 5)) = 0"):
    """A program of 60 choices that fails, by this piece of shell, if choices 13 and 31 are taken; only some seeds take 13."""
    return f"""#!/bin/sh
case $RONDO_SCHED in
seed:*)
    seed=${{RONDO_SCHED#seed:}}
    text=$(echo "rondo-trace 1 seed:$seed"
        i=1
        while [ $i -le 60 ]; do
            [ $i = 13 ] && ! [ {seeds} ] || echo "$i yield 1  # thread $((i % 3)), read"
            i=$((i + 1))
        done)
    ;;
replay:*) text=$(cat "${{RONDO_SCHED#replay:}}") ;;
esac
printf '%s\\n' "$text" > "$RONDO_TRACE"
echo "always said"
case $text in *"
13 yield 1"*"
31 yield 1"*) {failure} ;; esac
"""


class Explore(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def explore(self, text, *options, name="program"):
        program = self.folder / name
        program.write_text(text)
        program.chmod(0o755)
        return subprocess.run([str(programs.LAUNCHER), "explore", *options, f"./{name}"], env=programs.environment(),
                              cwd=self.folder, capture_output=True, text=True, timeout=60 * programs.TIME_FACTOR, check=False)

    def replay(self, name="program"):
        return [line.split()[0] for line in (self.folder / f"{name}.replay").read_text().splitlines() if line[0].isdigit()]

    def test_the_first_failing_seed_is_shrunk_to_the_choices_that_matter(self):
        done = self.explore(script("echo it broke >&2; exit 3"), "--runs", "20")
        self.assertEqual((done.returncode, done.stderr), (1, ""), done)
        self.assertIn("rondo: seed 5 fails: exit status 3\n", done.stdout)
        self.assertIn("it broke\n", done.stdout)
        self.assertIn("rondo: forced choices: 2 of 60, ", done.stdout)
        self.assertIn("\n  13 yield 1  # thread 1, read\n  31 yield 1  # thread 1, read\n", done.stdout)
        self.assertIn("RONDO_SCHED=replay:program.replay rondo ./program\n", done.stdout)
        self.assertIn("RONDO_SCHED=seed:5 rondo ./program\n", done.stdout)
        self.assertEqual(self.replay(), ["13", "31"])

    def test_the_smallest_seed_is_reported_whatever_ends_first(self):
        slow_fifth = script("[ $seed = 5 ] && for i in $(seq 20000); do :; done; exit 1", seeds="$((seed > 4)) = 1")
        done = self.explore(slow_fifth, "--jobs", "4", "--shrink", "0")
        self.assertIn("rondo: seed 5 fails", done.stdout)

    def test_a_signal_is_a_failure(self):
        done = self.explore(script("kill -TERM $$"), "--seed=8")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("rondo: seed 10 fails: ended by SIGTERM\n", done.stdout)
        self.assertEqual(self.replay(), ["13", "31"])

    def test_a_run_without_end_is_a_failure(self):
        done = self.explore(script("kill -STOP $$"), "--timeout", "1", "--shrink", "0", "--seed", "5")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("rondo: seed 5 fails: no end in time\n", done.stdout)

    def test_what_rondo_says_is_the_reason(self):
        done = self.explore(script("echo 'rondo: deadlock of 2 threads' >&2; exit 9"))
        self.assertIn("rondo: seed 5 fails: deadlock of 2 threads (exit status 9)\n", done.stdout)

    def test_another_failure_does_not_count_while_shrinking(self):
        """Choice 31 alone is a failure, too, but a different one."""
        other = script("exit 3") + 'case $text in *"\n31 yield 1"*) exit 4;; esac\n'
        done = self.explore(other, "--seed", "5")
        self.assertIn("rondo: seed 5 fails: exit status 3\n", done.stdout)
        self.assertEqual(self.replay(), ["13", "31"])

    def test_no_failure(self):
        done = self.explore(script("exit 3", seeds="1 = 0"), "--runs", "7")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertRegex(done.stdout, r"^rondo: no failure in 7 runs, seeds 1 to 7, [\d.]+ s\n$")

    def test_the_status_of_a_good_run(self):
        done = self.explore("#!/bin/sh\nexit 4\n", "--status", "4", "--runs", "2")
        self.assertEqual(done.returncode, 0, done)

    def test_output_counts_when_asked(self):
        text = script("echo more")
        self.assertEqual(self.explore(text, "--runs", "6").returncode, 0)
        done = self.explore(text, "--runs", "6", "--compare")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("rondo: seed 5 fails: other output\n", done.stdout)

    def test_a_failure_that_needs_no_choice(self):
        done = self.explore("#!/bin/sh\necho rondo-trace 1 > $RONDO_TRACE; exit 1\n")
        self.assertIn("rondo: seed 1 fails: exit status 1\n", done.stdout)
        self.assertIn("under the default schedule, without any forced switch\n", done.stdout)

    def test_a_failure_that_does_not_come_again_is_said(self):
        done = self.explore('#!/bin/sh\ncase $RONDO_SCHED in seed:*) exit 1; esac\n')
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("the same choices do not make it fail again", done.stdout)
        self.assertFalse((self.folder / "program.replay").exists())

    def test_names_are_quoted_for_the_shell(self):
        done = self.explore(script("exit 3"), "--shrink", "0", name="it's a program")
        command = next(line for line in done.stdout.splitlines() if "replay:" in line).split(": ", 2)[2]
        self.assertEqual(shlex.split(command), ["RONDO_SCHED=replay:it's a program.replay", "rondo", "./it's a program"])

    def test_wrong_command_lines(self):
        for arguments, message in (((), "no program given"), (("--runs", "0", "x"), "--runs 0: expected a number from 1"),
                                   (("--runs",), "--runs : expected"), (("--nonsense", "x"), "--nonsense: no such option")):
            done = programs.rondo("explore", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn(f"rondo: {message}", done.stderr)
        done = programs.rondo("explore", "/no/such/program")
        self.assertEqual((done.returncode, done.stderr), (127, "rondo: /no/such/program: not found\n"))

    def test_help(self):
        done = programs.rondo("explore", "--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("usage: rondo explore [options] PROGRAM", done.stdout)

    def test_nothing_is_left_behind(self):
        before = set(os.listdir("/tmp"))
        self.explore(script("sleep 100 & exit 1"), "--shrink", "0")
        left = {name for name in set(os.listdir("/tmp")) - before if "rondo" in name}
        # Other tests run beside this one.
        self.assertEqual({name for name in left if not name.startswith(("rondo-test-", "rondo-page-", "rondo-browser-"))}, set())


if __name__ == "__main__":
    unittest.main()
