# SPDX-License-Identifier: Apache-2.0
"""Looking into a running process: rondo ps, stacks and stats, and who may ask.

programs/inspected.c stands still in one way or another; the lines where its threads wait are marked there.
"""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

import programs
import run_tests
from seccomp import refuse

SOURCE = programs.SOURCE / "tests" / "syscall_shim" / "programs" / "inspected.c"
INSPECTED = programs.BUILD / "tests" / "syscall_shim" / "inspected"
HAS_LINES = (programs.BUILD / "syscall_shim" / "rondo-unwind").exists()
NOBODY = 65534
SYS_SOCKET = 41


def marked_line(way):
    lines = SOURCE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"// MARK {way}"))


def ask(pid, request="threads"):
    """The raw answer to a request, or None where nobody listens."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        try:
            client.connect(f"\0rondo-inspect-{pid}")
        except ConnectionRefusedError:
            return None
        client.sendall(f"{request}\n".encode())
        try:
            with client.makefile("rb") as answer:
                return answer.read().decode()
        except ConnectionResetError:
            return ""


def is_inspected(pid, **counts):
    """Whether its inspector has come to answer, and so many threads to be in a state or to wait for something."""
    def settled():
        answer = ask(pid, "stats")
        stats = json.loads(answer) if answer else {}
        there = {**stats.get("states", {}), **stats.get("waits", {})}
        return bool(answer) and all(there.get(what, 0) == count for what, count in counts.items())

    return programs.wait_until(settled)


@contextlib.contextmanager
def standing(*arguments, settings=None, native=False, ends=True, **options):
    """The program, once it has said that it stands still. Ends its input at the end, and then it has to end well; or is
    killed."""
    process = subprocess.Popen(programs.command(INSPECTED, arguments, native), env=programs.environment(settings, native),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    with process:
        try:
            process.first_line = process.stdout.readline()
            yield process
            if ends:
                process.rest, process.errors = process.communicate("", timeout=30 * programs.TIME_FACTOR)
        finally:
            process.kill()
    if ends and process.returncode != 0:
        raise AssertionError(f"status {process.returncode}: {process.errors}")


def rows_of(text):
    """{name: the line's other columns} of rondo ps."""
    columns = [re.split(r"  +", line.strip()) for line in text.splitlines()[1:]]
    return {cells[1]: [cells[0], *cells[2:]] for cells in columns}


class Waits(unittest.TestCase):
    def test_ps_names_what_each_thread_waits_for_and_where(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(**settings), standing("waits", settings=settings) as process:
                self.assertTrue(is_inspected(process.pid))
                done = programs.rondo("ps", process.pid)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                rows = rows_of(done.stdout)
                self.assertEqual(set(rows), {"main", "on mutex", "on change", "on token", "on byte", "on thread"})
                expected = {"on mutex": ("mutex table_lock of thread 1", "wait_for_mutex", "mutex"),
                            "on change": ("condition variable changed", "wait_for_change", "condvar"),
                            "on token": ("semaphore tokens", "wait_for_token", "semaphore"),
                            "on byte": (r"read, descriptor \d+", "wait_for_byte", "read"),
                            "on thread": (f"join of thread {rows['on token'][0]}", "wait_for_thread", "join")}
                for name, (waits_for, function, mark) in expected.items():
                    _, worker, state, what, since, used, *place = rows[name]
                    self.assertLess(int(worker), int(settings["RONDO_WORKERS"]))
                    self.assertEqual(state, "parked")
                    self.assertRegex(since, r"^\d+ ms$|^\d+ s$")
                    self.assertRegex(used, r"^\d+\.\dK$")
                    if HAS_LINES:
                        self.assertRegex(what, f"^{waits_for}$")
                        self.assertEqual(place, [f"{function} at inspected.c:{marked_line(mark)}"])

    @unittest.skipUnless(HAS_LINES, "built without libdw")
    def test_stacks_folds_equal_ones_the_largest_first(self):
        with standing("many", "1000", settings={"RONDO_WORKERS": "2"}) as process:
            self.assertTrue(is_inspected(process.pid, semaphore=1000, read=1))
            done = programs.rondo("stacks", process.pid)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            head, *frames = done.stdout.split("\n\n")[0].splitlines()
            self.assertEqual(head, "1000 threads: semaphore: 2, 3, 4, 5, 6, 7, 8, 9, ...")
            self.assertRegex(frames[-1], rf"^  #\d+ +wait_for_token at .*inspected\.c:{marked_line('semaphore')}$")
            self.assertIn('\n1 thread: read: 1 "main"\n', done.stdout)

    def test_stats_counts_the_threads(self):
        with standing("waits", settings={"RONDO_WORKERS": "2"}) as process:
            self.assertTrue(is_inspected(process.pid, parked=6))
            done = programs.rondo("stats", process.pid)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for line in (r"^threads +6, on 2 workers; 5 stacks in use$", r"^states +parked +6$", r"mutex +1$", r"semaphore +1$",
                         r"join +1$", r"condition variable +1$", r"read +2$"):
                self.assertRegex(done.stdout, re.compile(line, re.MULTILINE))
            self.assertEqual(len(re.findall(r"(?m)^worker ", done.stdout)), 2)

    def test_json_is_the_processes_own_answer(self):
        with standing("waits", settings={"RONDO_WORKERS": "2"}) as process:
            self.assertTrue(is_inspected(process.pid, parked=6))
            answer = json.loads(programs.rondo("ps", "--json", process.pid).stdout)
            self.assertEqual((answer["process"], answer["workers"], len(answer["threads"])), (process.pid, 2, 6))
            owners = {thread["name"]: thread.get("owner") for thread in answer["threads"]}
            self.assertEqual(owners["on mutex"], 1)
            self.assertIsNone(owners["on token"])
            stats = json.loads(programs.rondo("stats", "--json", process.pid).stdout)
            self.assertEqual((stats["threads"], stats["states"]["parked"], len(stats["workers"])), (6, 6, 2))

    def test_a_process_whose_worker_hangs_answers(self):
        with standing("loop", settings={"RONDO_WORKERS": "2"}, ends=False) as process:
            self.assertTrue(is_inspected(process.pid, running=1, join=1))
            rows = rows_of(programs.rondo("ps", process.pid).stdout)
            self.assertEqual(rows["looping"][2], "running")

    def test_the_program_runs_without_rondo(self):
        with standing("waits", native=True) as process:
            self.assertEqual(process.first_line, "ready\n")


class Access(unittest.TestCase):
    def test_other_users_are_not_answered(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        with standing("waits", user=NOBODY) as process:
            self.assertTrue(is_inspected(process.pid))  # root is
            refused = programs.rondo("ps", process.pid, user=NOBODY - 1)
            self.assertEqual((refused.returncode, refused.stdout, refused.stderr),
                             (1, "", f"rondo: process {process.pid} does not answer: it belongs to another user\n"))
            script = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0rondo-inspect-{process.pid}'); " \
                     "s.sendall(b'threads\\n'); print(len(s.recv(1)))"
            for user, length in ((NOBODY, "1\n"), (NOBODY - 1, "0\n")):
                done = subprocess.run(["/usr/bin/python3", "-c", script], user=user, capture_output=True, text=True, timeout=30,
                                      check=False)
                self.assertTrue(done.stdout == length or (length == "0\n" and "Error" in done.stderr), (user, done))

    def test_a_process_may_change_its_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        script = "import os, threading, time\n" \
                 "threading.Thread(target=time.sleep, args=(0.01,)).start()\n" \
                 f"os.setgid({NOBODY}); os.setuid({NOBODY}); print(os.getuid())\n"
        done = programs.run("/usr/bin/python3", "-c", script, settings={"RONDO_WORKERS": "1"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{NOBODY}\n", ""))

    def test_nobody_else_can_pose_as_a_process(self):
        with socket.socket(socket.AF_UNIX) as squatter, standing("waits", settings={"RONDO_INSPECT": "0"}) as process:
            squatter.bind(f"\0rondo-inspect-{process.pid}")
            squatter.listen()
            done = programs.rondo("ps", process.pid)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertEqual(done.stderr,
                             f"rondo: the inspector's name of process {process.pid} is held by another process\n")

    def test_what_is_no_request_is_answered_and_the_next_one_too(self):
        with standing("waits") as process:
            self.assertTrue(is_inspected(process.pid))
            for request in ("", "x", "threads ", "\0" * 20, "y" * 5000):
                self.assertIn(ask(process.pid, request), ('{"error":"no such request"}\n', ""), request)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(f"\0rondo-inspect-{process.pid}")
            self.assertEqual(json.loads(ask(process.pid))["process"], process.pid)


class OnAndOff(unittest.TestCase):
    def check_absent(self, process):
        done = programs.rondo("ps", process.pid)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, f"rondo: process {process.pid} has no inspector: it does not run under rondo, has not "
                                      "created a thread, or has RONDO_INSPECT=0\n")

    def test_it_can_be_switched_off(self):
        with standing("waits", settings={"RONDO_INSPECT": "0"}) as process:
            self.check_absent(process)
            self.assertEqual(process.poll(), None)

    def test_without_the_launcher_it_is_on_when_asked_for(self):
        env = programs.environment()
        env["LD_PRELOAD"] = ":".join(filter(None, [str(programs.SHIM), env.get("LD_PRELOAD", "")]))
        for setting, there in (("", False), ("1", True)):
            own = {**env, **({"RONDO_INSPECT": setting} if setting else {})}
            process = subprocess.Popen([str(INSPECTED), "waits"], env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True)
            with process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                self.assertTrue(is_inspected(process.pid)) if there else self.check_absent(process)
                process.communicate("", timeout=30)

    def test_where_it_is_refused_only_those_who_asked_are_told(self):
        for setting, told in (("auto", ""), ("1", "rondo: no inspector: socket fails with error 1\n")):
            with standing("waits", settings={"RONDO_INSPECT": setting}, preexec_fn=lambda: refuse(SYS_SOCKET)) as process:
                pass
            self.assertEqual((process.first_line, process.errors), ("ready\n", told))

    def test_wrong_commands_are_refused_with_status_2(self):
        for arguments, words in ((("ps",), "which process"), (("stacks", "x"), "expected one process number"),
                                 (("stats", "1", "2"), "expected one process number"), (("ps", "--jsn", "1"), "--jsn")):
            done = programs.rondo(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
            self.assertIn(words, done.stderr)
        self.assertEqual(programs.rondo("ps", 2**29).stderr, f"rondo: there is no process {2**29}\n")
        self.assertIn("usage: rondo ps|stacks|stats", programs.rondo("ps", "--help").stdout)
        self.assertEqual(programs.rondo("--", "ps", "--version").returncode, 0)


class Quit(unittest.TestCase):
    def quit(self, *arguments, settings=None, **counts):
        """What the program writes on standard error when SIGQUIT ends it, after its threads have come to do that."""
        with standing(*arguments, settings=settings, ends=False) as process:
            if (settings or {}).get("RONDO_INSPECT") != "0":
                self.assertTrue(is_inspected(process.pid, **counts))
            process.send_signal(signal.SIGQUIT)
            _, errors = process.communicate(timeout=60 * programs.TIME_FACTOR)
        self.assertEqual(process.returncode, -signal.SIGQUIT)
        return errors

    def test_it_prints_what_ps_prints_and_ends_the_process(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(**settings):
                rows = rows_of(self.quit("waits", settings=settings))
                self.assertEqual(set(rows), {"main", "on mutex", "on change", "on token", "on byte", "on thread"})
                if HAS_LINES:
                    self.assertEqual(rows["on token"][6], f"wait_for_token at inspected.c:{marked_line('semaphore')}")

    def test_also_while_the_only_worker_hangs(self):
        self.assertEqual(rows_of(self.quit("loop", settings={"RONDO_WORKERS": "1"}, running=1, join=1))["looping"][2], "running")

    def test_without_an_inspector_it_only_ends_the_process(self):
        self.assertEqual(self.quit("waits", settings={"RONDO_INSPECT": "0"}), "")

    @unittest.skipIf(programs.SANITIZED, "copies of the libraries would have to find the sanitizer's")
    def test_without_the_tool_there_are_no_places(self):
        with tempfile.TemporaryDirectory(prefix="rondo-inspect-") as folder:
            for path in (programs.SHIM, programs.BUILD / "runtime" / "librondo.so.0"):
                shutil.copy(path, folder)
            settings = {"LD_PRELOAD": f"{folder}/librondo_shim.so", "LD_LIBRARY_PATH": folder, "RONDO_INSPECT": "1"}
            process = subprocess.Popen([str(INSPECTED), "waits"], env=programs.environment(settings), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            with process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                process.send_signal(signal.SIGQUIT)
                _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, -signal.SIGQUIT)
            self.assertRegex(errors, r"\Arondo: 6 threads on \d workers\n")
            self.assertRegex(errors, r"(?m)^ +\d+ +on mutex +worker \d +parked on mutex 0x[0-9a-f]+ of thread 1$")

    def test_a_program_that_handles_it_is_left_alone(self):
        script = "import signal, threading, time\n" \
                 "signal.signal(signal.SIGQUIT, lambda *_: print('handled', flush=True))\n" \
                 "threading.Thread(target=time.sleep, args=(0.01,)).start()\n" \
                 "signal.raise_signal(signal.SIGQUIT)\n"
        done = programs.run("/usr/bin/python3", "-c", script)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "handled\n", ""))


class HungTests(unittest.TestCase):
    def test_the_runner_looks_into_what_a_hung_test_started(self):
        command = ["/bin/sh", "-c", f"{' '.join(programs.command(INSPECTED, ('waits',)))} < /dev/zero; true"]
        with tempfile.TemporaryFile() as log:
            hung, _ = run_tests.run_process(command, programs.environment(), log, 3, str(programs.LAUNCHER))
            log.seek(0)
            text = log.read().decode()
        self.assertTrue(hung, text)
        self.assertRegex(text, r"(?m)^=== rondo ps \d+$")
        self.assertRegex(text, r"(?m)^ +\d+  on mutex +\d  parked ")
        self.assertRegex(text, r"(?m)^=== rondo stacks \d+$")


class Processes(unittest.TestCase):
    def test_a_child_has_its_own_and_the_parents_goes_on(self):
        with standing("fork", settings={"RONDO_WORKERS": "2"}) as process:
            child = int(process.first_line)
            self.addCleanup(os.kill, child, signal.SIGKILL)
            self.assertTrue(is_inspected(child))
            names = {thread["name"] for thread in json.loads(ask(child))["threads"]}
            self.assertEqual(names, {"main", "in child"})
            self.assertEqual(len(json.loads(ask(process.pid))["threads"]), 6)
        self.assertIsNone(ask(process.pid))
        self.assertIsNotNone(ask(child))

    def test_exec_ends_it(self):
        with standing("exec", "/bin/true") as process:
            self.assertTrue(is_inspected(process.pid))
        self.assertIsNone(ask(process.pid))


if __name__ == "__main__":
    unittest.main()
