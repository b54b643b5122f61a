# SPDX-License-Identifier: Apache-2.0
"""The stall watchdog: what it reports, what it does not, and that the program does not notice it.

programs/stalls.c keeps its worker in one way or another and checks that its process is its own. The lines that
a report has to name are marked there. A report's time is not checked: the machine may be loaded.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import programs
from seccomp import refuse

HEAD = re.compile(r'^rondo: stall: thread (\d+) "(.*)" has kept worker (\d+) for (\d+) ms, (.*)$')
SOURCE = programs.SOURCE / "tests" / "syscall_shim" / "programs" / "stalls.c"
STALLS = programs.BUILD / "tests" / "syscall_shim" / "stalls"
UNWINDER = programs.BUILD / "syscall_shim" / "rondo-unwind"
LIMIT = 100
WORKER_COUNTS = [settings["RONDO_WORKERS"] for settings in programs.CONFIGURATIONS]
# Its run-time's sleep at the end of the process is a stall.
TSAN_OPTIONS = os.environ.get("TSAN_OPTIONS", "") + ":atexit_sleep_ms=0"
SYS_PTRACE, SYS_CLOSE_RANGE, SYS_PIDFD_GETFD = 101, 436, 438


def marked_line(way):
    lines = SOURCE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"// MARK {way}"))


def reports(text):
    """[(head as a match, the block's other lines)]; lines before the first report are left out."""
    found = []
    for line in text.splitlines():
        head = HEAD.match(line)
        if head:
            found.append((head, []))
        elif found:
            found[-1][1].append(line)
    return found


class Watchdog(unittest.TestCase):
    def run_stalls(self, way, times=1, workers="1", limit=LIMIT, **options):
        settings = {"RONDO_WORKERS": workers, "RONDO_STALL_MS": str(limit), "TSAN_OPTIONS": TSAN_OPTIONS}
        done = subprocess.run(programs.command(STALLS, (way, times)), env=programs.environment(settings), text=True,
                              capture_output=True, timeout=60 * programs.TIME_FACTOR, check=False, **options)
        self.assertEqual((done.returncode, done.stdout), (0, "20 rounds\n"), done.stderr)
        return reports(done.stderr)

    def check_report(self, report, what, function, way):
        head, lines = report
        self.assertEqual(head[2], "misbehaving")
        self.assertGreaterEqual(int(head[4]), LIMIT)
        self.assertRegex(head[5], what)
        text = "\n".join(lines)
        self.assertRegex(text, rf"(?m)^  #\d+ +{function} at .*stalls\.c:{marked_line(way)}$")
        self.assertRegex(text, r"(?m)^  #\d+ +misbehave at .*stalls\.c:\d+$")


@unittest.skipUnless(UNWINDER.exists(), "built without libdw")
class Reports(Watchdog):
    def test_a_system_call_by_instruction_is_named_with_its_line_once(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                found = self.run_stalls("read", 2, workers)
                self.assertEqual(len(found), 1, found)
                self.check_report(found[0], r"^in system call read \(0\) on descriptor \d+ \(anon_inode:\[timerfd\]\)$",
                                  "read_by_instruction", "read")

    def test_a_thread_that_computes_is_named_with_its_line_once(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                found = self.run_stalls("loop", 3, workers)
                self.assertEqual(len(found), 1, found)
                self.check_report(found[0], "^running$", "loop", "loop")

    def test_two_places_are_two_reports(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                found = self.run_stalls("both", 1, workers)
                self.assertEqual(len(found), 2, found)
                self.check_report(found[0], "^in system call read ", "read_by_instruction", "read")
                self.check_report(found[1], "^running$", "loop", "loop")

    def test_a_wait_that_a_stop_would_end_is_not_disturbed(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                found = self.run_stalls("wait", 1, workers)
                self.assertEqual(len(found), 1, found)
                self.check_report(found[0], r"^in system call epoll_wait \(232\) on descriptor \d+ ", "wait_by_instruction",
                                  "wait")

    @unittest.skipIf(programs.SANITIZED, "a sanitizer knows nothing of the threads that a forked child does not have")
    def test_a_forked_child_has_its_own_watchdog(self):
        for workers in WORKER_COUNTS:
            with self.subTest(workers=workers):
                found = [report for report in self.run_stalls("fork", 1, workers) if report[0][2] == "misbehaving"]
                self.assertEqual(len(found), 1, found)
                self.check_report(found[0], "^in system call read ", "read_by_instruction", "read")

    def test_without_ptrace_the_reason_is_said(self):
        found = self.run_stalls("loop", preexec_fn=lambda: refuse(SYS_PTRACE))
        self.assertEqual([(head[5], lines) for head, lines in found],
                         [("running", ["  (ptrace: Operation not permitted)"])])
        found = self.run_stalls("read", preexec_fn=lambda: refuse(SYS_PTRACE))
        self.assertEqual(len(found), 1, found)
        self.assertIn(f"stalls.c:{marked_line('read')}", "\n".join(found[0][1]))

    def test_without_a_descriptor_table_of_its_own(self):
        found = self.run_stalls("both", preexec_fn=lambda: refuse(SYS_CLOSE_RANGE, SYS_PIDFD_GETFD))
        self.assertEqual(len(found), 2, found)


class Silence(Watchdog):
    def test_the_program_runs_without_rondo(self):
        done = programs.run(STALLS, "both", native=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "20 rounds\n", ""))

    def test_off_means_off(self):
        for limit in (0, 10000):
            self.assertEqual(self.run_stalls("both", limit=limit), [])

    def test_well_behaved_threads_are_not_reported(self):
        for workers in WORKER_COUNTS:
            for way in ("busy", "idle"):
                with self.subTest(workers=workers, way=way):
                    self.assertEqual(self.run_stalls(way, workers=workers), [])

    def test_a_server_is_not_reported(self):
        for settings in programs.CONFIGURATIONS:
            watched = {**settings, "RONDO_STALL_MS": "100"}
            with self.subTest(**settings), programs.Server("echo", settings=watched) as server:
                with server.connect() as client, client.makefile("rb") as lines:
                    for number in range(2000):
                        client.sendall(b"%d\n" % number)
                        self.assertEqual(lines.readline(), b"%d\n" % number)
                server.stop()
                self.assertNotIn("stall", server.output())


@unittest.skipIf(programs.SANITIZED, "copies of the libraries would have to find the sanitizer's")
class WithoutTheTool(Watchdog):
    def test_the_place_is_a_file_and_an_offset(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="rondo-watchdog-"))
        self.addCleanup(shutil.rmtree, folder)
        for path in (programs.LAUNCHER, programs.SHIM, programs.BUILD / "runtime" / "librondo.so.0"):
            shutil.copy(path, folder)
        settings = {"RONDO_WORKERS": "1", "RONDO_STALL_MS": str(LIMIT), "LD_LIBRARY_PATH": str(folder)}
        done = subprocess.run([str(folder / "rondo"), str(STALLS), "both"], env=programs.environment(settings), text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "20 rounds\n"), done.stderr)
        found = reports(done.stderr)
        self.assertEqual([lines for _, lines in found], [["  (no backtrace: rondo-unwind is not installed)"]] * 2)
        place = re.fullmatch(r"in system call number 0 at (.*)\+(0x[0-9a-f]+)", found[0][0][5])
        self.assertTrue(place, found)
        self.assertEqual(place[1], str(STALLS))
        self.assertRegex(found[1][0][5], r"^running, in a thread that began at .*/stalls\+0x[0-9a-f]+$")


if __name__ == "__main__":
    unittest.main()
