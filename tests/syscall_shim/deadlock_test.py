# SPDX-License-Identifier: Apache-2.0
"""The deadlock report: what it says for each kind of deadlock, and that it is silent while anything may still come.

programs/deadlocks.c deadlocks in one way or another; lines that a report has to name are marked there.
programs/quiet_waits.c waits for something that comes from outside: a byte, a connection, a signal, a time. There the
test lets more time pass than Rondo waits before it looks; on a loaded machine that proves less, and never fails.
"""
import concurrent.futures
import pathlib
import re
import signal
import socket
import subprocess
import time
import unittest

import programs

SOURCES = programs.SOURCE / "tests" / "syscall_shim" / "programs"
BUILT = programs.BUILD / "tests" / "syscall_shim"
UNWINDER = programs.BUILD / "syscall_shim" / "rondo-unwind"
WORKER_COUNTS = [settings["RONDO_WORKERS"] for settings in programs.CONFIGURATIONS]
PATIENCE = 0.5
HEAD = re.compile(r"^rondo: deadlock: (all \d+ threads wait|the only thread waits)(, and nothing can wake (?:it|them)|"
                  r"; only a signal that the program handles could change that)$", re.MULTILINE)
ROW = re.compile(r'^  thread (\d+) "(.*?)" (waits .*)$')


def marked_line(mark):
    lines = (SOURCES / "deadlocks.c").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"// MARK {mark}"))


def start(program, way, workers, **settings):
    settings = {"RONDO_WORKERS": workers, **settings}
    return subprocess.Popen(programs.command(BUILT / program, (way,)), env=programs.environment(settings), text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Report:
    """The report in a text, taken apart: its head, and the rows of the circles and of the others."""

    def __init__(self, text):
        self.text = text
        self.heads = HEAD.findall(text)
        self.circles, self.others, rows = [], [], None
        for line in text.splitlines():
            if HEAD.match(line) or line == "  the others:":
                rows = self.others
            elif line == "  in a circle:":
                rows = []
                self.circles.append(rows)
            elif rows is not None and ROW.match(line):
                rows.append((*ROW.match(line).groups(), []))
            elif rows and line.startswith("    "):
                rows[-1][3].append(line.strip())


class Deadlock(unittest.TestCase):
    def deadlock(self, way, workers, status=-signal.SIGABRT):
        """Runs to the abort; returns the report."""
        with start("deadlocks", way, workers, RONDO_DEADLOCK="abort") as process:
            _, errors = process.communicate(timeout=60 * programs.TIME_FACTOR)
        self.assertEqual(process.returncode, status, errors)
        report = Report(errors)
        self.assertEqual(len(report.heads), 1, errors)
        return report

    def for_all_counts(self, way, check, **options):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                check(self.deadlock(way, workers, **options))

    def waits(self, row, name, what, *frames):
        """The row's thread has this name, what it waits for matches, and so do its first lines of code."""
        self.assertEqual(row[1], name, row)
        self.assertRegex(row[2], f"^{what}$")
        if UNWINDER.exists():
            for line, frame in zip(row[3], frames, strict=False):
                self.assertRegex(line, frame)
            self.assertGreaterEqual(len(row[3]), len(frames), row)


def at(function, mark):
    return rf"^#0  {function} at .*deadlocks\.c:{marked_line(mark)}$"


def owned(kind, name, owner):
    symbol = f" {re.escape(name)}" if UNWINDER.exists() else ""
    return rf'waits {kind}{symbol} at 0x[0-9a-f]+, which thread \d+ "{owner}" owns'


class Circles(Deadlock):
    def test_two_threads_that_lock_in_opposite_orders_are_named_with_objects_and_lines(self):
        def check(report):
            self.assertEqual(len(report.circles), 1, report.text)
            circle = sorted(report.circles[0], key=lambda row: row[1])
            self.assertEqual(len(circle), 2, report.text)
            self.waits(circle[0], "left", owned("for mutex", "b", "right"), at("locks_a_then_b", "left"))
            self.waits(circle[1], "right", owned("for mutex", "a", "left"), at("locks_b_then_a", "right"))
            self.assertEqual(len(report.others), 1, report.text)
            self.waits(report.others[0], "main", r'waits for the end of thread \d+ "left"', at("pair", "main"))
            self.assertEqual(report.heads[0], ("all 3 threads wait", ", and nothing can wake them"))
        self.for_all_counts("abba", check)

    def test_a_thread_that_locks_its_own_mutex(self):
        def check(report):
            row, = report.circles[0]
            self.waits(row, "twice", r"waits for mutex .*at 0x[0-9a-f]+, which it owns itself", at("locks_twice", "self"))
        self.for_all_counts("self", check)

    def test_philosophers_stand_in_the_order_of_their_waiting(self):
        def check(report):
            circle, = report.circles
            self.assertEqual(len(circle), 5, report.text)
            for row, following in zip(circle, circle[1:] + circle[:1]):
                self.assertRegex(row[2], rf'for mutex .*, which thread {following[0]} "philosopher" owns$')
            self.waits(circle[0], "philosopher", ".*", at("eats", "philosopher"))
            if UNWINDER.exists():
                self.assertEqual(circle[1][3], [f"where thread {circle[0][0]} stands"])
        self.for_all_counts("philosophers", check)

    def test_joins(self):
        def check(report):
            left, right = sorted(report.circles[0], key=lambda row: row[1])
            self.waits(left, "left", rf'waits for the end of thread {right[0]} "right"')
            self.waits(right, "right", rf'waits for the end of thread {left[0]} "left"')
            self.assertEqual(report.others, [])
        self.for_all_counts("joins", check)

    def test_a_join_of_main(self):
        def check(report):
            self.assertEqual(sorted(row[1] for row in report.circles[0]), ["child", "main"])
        self.for_all_counts("join-main", check)

    def test_a_rwlock_and_a_mutex(self):
        def check(report):
            left, right = sorted(report.circles[0], key=lambda row: row[1])
            self.waits(left, "left", owned("for mutex", "a", "right"))
            self.waits(right, "right", owned("to read under rwlock", "table", "left"), at("locks_then_reads", "reads"))
        self.for_all_counts("rwlocks", check)

    def test_once_routines(self):
        def check(report):
            left, right = sorted(report.circles[0], key=lambda row: row[1])
            self.waits(left, "left", rf'waits for once routine .*, which thread {right[0]} "right" runs')
            self.waits(right, "right", rf'waits for once routine .*, which thread {left[0]} "left" runs')
        self.for_all_counts("onces", check)


class Others(Deadlock):
    def the_thread(self, report, name):
        self.assertEqual(report.circles, [], report.text)
        return next(row for row in report.others if row[1] == name)

    def test_a_reader_that_wants_to_write(self):
        self.for_all_counts("upgrade", lambda report: self.waits(
            self.the_thread(report, "upgrader"), "upgrader", "waits to write under rwlock .*, held for reading by 1"))

    def test_a_lost_signal(self):
        self.for_all_counts("lost-signal", lambda report: self.waits(
            self.the_thread(report, "waiter"), "waiter", "waits for condition variable .*",
            at("waits_for_change", "condition")))

    def test_a_semaphore(self):
        self.for_all_counts("semaphore", lambda report: self.waits(
            self.the_thread(report, "main"), "main", "waits for semaphore .*"))

    def test_a_barrier(self):
        self.for_all_counts("barrier", lambda report: self.waits(
            self.the_thread(report, "early"), "early", "waits for barrier .*, to which 2 of 3 have come"))

    def test_an_owner_that_has_ended(self):
        def check(report):
            self.assertEqual(report.heads[0], ("the only thread waits", ", and nothing can wake it"))
            self.waits(report.others[0], "main", r'waits for mutex .*, which thread 2 "careless" owns; it has ended')
        self.for_all_counts("ended-owner", check)

    @unittest.skipIf(programs.SANITIZED, "a sanitizer knows nothing of the threads that a forked child does not have")
    def test_a_forked_child(self):
        self.for_all_counts("child", lambda report: self.assertEqual(len(report.circles[0]), 2),
                            status=64 + signal.SIGABRT)

    def test_many_threads_are_counted(self):
        def check(report):
            self.assertEqual(report.heads[0][0], "all 1003 threads wait")
            self.assertEqual(len(report.circles[0]), 2, report.text)
            self.assertEqual(2 + len(report.others), 256)
            self.assertTrue(report.text.endswith("\n  and 747 more\n"), report.text[-100:])
        self.for_all_counts("many", check)


class Reactions(Deadlock):
    def next_head(self, process):
        for line in process.stderr:
            if HEAD.match(line):
                return HEAD.match(line)
        self.fail("no report")

    def test_by_default_it_is_reported_once_and_the_program_goes_on_waiting(self):
        with start("deadlocks", "abba", "2") as process:
            self.next_head(process)
            time.sleep(PATIENCE)
            self.assertIsNone(process.poll())
            process.kill()
            self.assertNotRegex(process.stderr.read(), HEAD)

    def test_where_a_handler_may_wake_somebody_nothing_is_aborted(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers), start("deadlocks", "handler", workers, RONDO_DEADLOCK="abort") as process:
                self.assertIn("only a signal", self.next_head(process)[2])
                while "#" not in process.stderr.readline() and UNWINDER.exists():
                    pass
                process.send_signal(signal.SIGUSR1)
                output, _ = process.communicate(timeout=30)
                self.assertEqual((process.returncode, output), (0, "woken\n"))

    def test_a_circle_is_one_whatever_handlers_there_are(self):
        self.for_all_counts("circle-with-handler", lambda report: self.assertIn("only a signal", report.heads[0][1]))

    def test_off_is_silent(self):
        with start("deadlocks", "abba", "2", RONDO_DEADLOCK="off") as process:
            time.sleep(PATIENCE)
            process.kill()
            self.assertEqual(process.stderr.read(), "")

    @unittest.skipUnless(UNWINDER.exists(), "built without libdw")
    def test_without_descriptors_there_are_no_backtraces(self):
        shell = 'ulimit -n 16; exec "$@"'
        settings = {"RONDO_WORKERS": "1", "RONDO_DEADLOCK": "abort"}
        done = subprocess.run(["sh", "-c", shell, "sh", *programs.command(BUILT / "deadlocks", ("self",))],
                              env=programs.environment(settings), capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertRegex(done.stderr, HEAD)


class UnderSeeds(Deadlock):
    """Where schedules are tried out, there is nobody to wait for."""

    def no_end(self, way, seed, choices=20000):
        settings = {"RONDO_SCHED": f"seed:{seed}", "RONDO_CHOICES": str(choices)}
        done = programs.run(BUILT / "deadlocks", way, settings=settings)
        self.assertEqual(done.returncode, -signal.SIGABRT, done.stderr)
        self.assertRegex(done.stderr, rf"\Arondo: no end after {choices} choices; "
                                      rf"the threads' calls since choice {choices // 2}:\n")
        return re.sub("0x[0-9a-f]+", "ADDRESS", done.stderr)

    def test_a_deadlock_ends_the_process(self):
        for seed in range(1, 7):
            with self.subTest(seed=seed):
                done = programs.run(BUILT / "deadlocks", "abba", settings={"RONDO_SCHED": f"seed:{seed}"})
                self.assertEqual(done.returncode, -signal.SIGABRT, done.stderr)
                self.assertEqual(len(Report(done.stderr).circles), 1, done.stderr)

    def test_it_is_looked_for_at_once(self):
        settings = {"RONDO_SCHED": "seed:1", "RONDO_DEADLOCK": "report"}
        with start("deadlocks", "self", "1", **settings) as process:
            self.assertRegex(process.stderr.readline(), HEAD)
            process.kill()

    def test_threads_in_a_livelock_are_named_with_their_calls_and_lines(self):
        for seed in range(1, 7):
            with self.subTest(seed=seed):
                text = self.no_end("livelock", seed)
                self.assertEqual(text, self.no_end("livelock", seed))
                for name in ("left", "right"):
                    calls = re.search(rf'^  thread \d "{name}" \((\d+) calls\) ', text, re.MULTILINE)
                    self.assertGreater(int(calls[1]), 1000, text)
                self.assertRegex(text, r'thread 1 "main" \(0 calls\) waits for the end of thread 2 "left"\n')
                if UNWINDER.exists():
                    self.assertIn("give_way at", text)

    def test_who_waits_for_a_thread_that_never_stops_is_told_from_it(self):
        text = self.no_end("starvation", 1)
        self.assertRegex(text, r'(?s)\n  ran:\n  thread 2 "greedy" \(1\d{4} calls\) can run\n.*\n  the others:\n')
        self.assertRegex(text, r'thread 3 "patient" \(0 calls\) waits for mutex .*, which thread 1 "main" owns\n')

    def test_a_program_that_ends_in_time_is_left_alone(self):
        settings = {"RONDO_SCHED": "seed:3", "RONDO_CHOICES": "1000000", "RONDO_DEADLOCK": "abort"}
        done = programs.run(BUILT / "threads", settings=settings)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


def byte(process, _):
    process.stdin.write("x")
    process.stdin.flush()


def connection(_, first_line):
    socket.create_connection(("127.0.0.1", int(first_line))).close()


def user_signal(process, _):
    process.send_signal(signal.SIGUSR1)


def nothing(*_):
    pass


ENDED_BY = {"read": byte, "poll": byte, "getchar": byte, "sleep": nothing, "timedwait": nothing, "timedlock": nothing,
            "accept": connection, "waitpid": byte, "wait": byte, "flock": byte, "shared-semaphore": byte,
            "sigwait": user_signal, "signalfd": user_signal, "pause": user_signal, "handler": user_signal,
            "interrupted": user_signal, "notified": nothing}
FORKING = {"waitpid", "wait", "flock", "shared-semaphore"}


class NoAlarm(unittest.TestCase):
    def wait_quietly(self, way, workers):
        with start("quiet_waits", way, workers, RONDO_DEADLOCK="abort") as process:
            first_line = process.stdout.readline() if way == "accept" else ""
            time.sleep(PATIENCE)
            if process.poll() is None:
                ENDED_BY[way](process, first_line)
            _, errors = process.communicate(timeout=30 * programs.TIME_FACTOR)
            return way, workers, process.returncode, errors

    def test_what_may_still_come_is_waited_for_in_silence(self):
        ways = [way for way in ENDED_BY if not (programs.SANITIZED and way in FORKING)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            runs = [pool.submit(self.wait_quietly, way, workers) for way in ways for workers in WORKER_COUNTS]
            for run in runs:
                way, workers, status, errors = run.result()
                with self.subTest(way=way, workers=workers):
                    self.assertEqual((status, errors), (0, ""))

    def test_every_way_of_the_program_is_tried(self):
        ways = re.findall(r'^    \{"([a-z-]+)", ', pathlib.Path(SOURCES / "quiet_waits.c").read_text(), re.MULTILINE)
        self.assertEqual(sorted(ways), sorted(ENDED_BY))


if __name__ == "__main__":
    unittest.main()
