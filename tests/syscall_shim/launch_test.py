# SPDX-License-Identifier: Apache-2.0
"""The launcher when it runs a program, and `rondo --check`.

A copy of the launcher stands beside an empty library named librondo_shim.so, so that what is tested is the launcher:
the preload, the environment, the arguments, the note about thread-local variables. The last class uses the real shim.
"""
import ctypes
import os
import pathlib
import re
import resource
import shutil
import struct
import subprocess
import tempfile
import unittest

import programs

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
SYS_EPOLL_CREATE1, EPERM = 291, 1
NOTE = "has thread-local variables; they are shared by the threads of one worker (RONDO_TLS=worker)"
PLAIN_PROGRAM = "/bin/cat"


class Installed(unittest.TestCase):
    """A launcher with a stand-in for the shim, in a folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rondo-launch-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.launcher, cls.shim = cls.install(cls.folder / "tree", ".", ".")
        cls.program = str(cls.folder / "thread_local")
        source = programs.SOURCE / "tests" / "programs" / "thread_local.c"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-o", cls.program, source], check=True, timeout=60)

    @classmethod
    def install(cls, root, binaries, libraries):
        (root / binaries).mkdir(parents=True, exist_ok=True)
        (root / libraries).mkdir(parents=True, exist_ok=True)
        launcher = shutil.copy(programs.LAUNCHER, root / binaries)
        shim = str(root / libraries / "librondo_shim.so")
        source = root / "empty.c"
        source.write_text("int rondo_stand_in;\n")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, str(source)], check=True, timeout=60)
        return str(launcher), shim

    def run_launcher(self, *args, settings=None, launcher=None, **options):
        return subprocess.run([launcher or self.launcher, *args], env=programs.environment(settings), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=30 * programs.TIME_FACTOR,
                              check=False, **options)

    def environment_of(self, *args, **options):
        done = self.run_launcher(*args, "/usr/bin/env", **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


class Running(Installed):
    def test_the_shim_is_loaded(self):
        done = self.run_launcher(PLAIN_PROGRAM, "/proc/self/maps")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(self.shim, done.stdout)

    @unittest.skipIf(programs.SANITIZE == "thread", "libtsan does not start in a shell that is not instrumented")
    def test_arguments_and_status_are_the_programs_own(self):
        done = self.run_launcher("--", "sh", "-c", 'echo "$0|$1|$#"; exit 7', "a b", "", "--help")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (7, "a b||2\n", ""))

    @unittest.skipIf(programs.SANITIZE == "thread", "libtsan does not start in a shell that is not instrumented")
    def test_a_script_runs(self):
        script = self.folder / "script"
        script.write_text('#!/usr/bin/env sh\necho "$1 $LD_PRELOAD"\n')
        script.chmod(0o755)
        done = self.run_launcher(str(script), "argument")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(f"argument {self.shim}", done.stdout)

    def test_options_become_settings(self):
        env = self.environment_of("--workers", "2", "--stack=64K", "--io=epoll", "--tls", "worker", "--sched", "fifo",
                                  settings={"RONDO_WORKERS": "4"})
        self.assertEqual({name: env.get(name) for name in env if name.startswith("RONDO_")},
                         {"RONDO_WORKERS": "2", "RONDO_STACK": "64K", "RONDO_IO": "epoll", "RONDO_TLS": "worker",
                          "RONDO_SCHED": "fifo", "RONDO_INSPECT": "auto"})

    def test_the_inspector_is_on_unless_told_otherwise(self):
        for options, before, after in (((), None, "auto"), ((), "0", "0"), (("--inspect", "1"), None, "1")):
            settings = {"RONDO_INSPECT": before} if before else None
            with self.subTest(options=options, before=before):
                self.assertEqual(self.environment_of(*options, settings=settings).get("RONDO_INSPECT"), after)

    def test_watch_may_stand_alone(self):
        for options, before, after in ((("--watch",), None, "100"), (("--watch",), "30", "30"), (("--watch=7",), "30", "7")):
            settings = {"RONDO_STALL_MS": before} if before else None
            with self.subTest(options=options, before=before):
                self.assertEqual(self.environment_of(*options, settings=settings).get("RONDO_STALL_MS"), after)

    @unittest.skipIf(programs.SANITIZED, "LD_PRELOAD names the sanitizer's libraries")
    def test_what_the_user_preloads_stays_behind_the_shim(self):
        other = str(self.folder / "other.so")
        shutil.copy(self.shim, other)
        self.assertEqual(self.environment_of(settings={"LD_PRELOAD": other})["LD_PRELOAD"], f"{self.shim}:{other}")
        self.assertEqual(self.environment_of(settings={"LD_PRELOAD": ""})["LD_PRELOAD"], self.shim)

    @unittest.skipIf(programs.SANITIZED, "LD_PRELOAD names the sanitizer's libraries")
    def test_a_launcher_under_a_launcher_preloads_once(self):
        env = self.environment_of(self.launcher, settings={"LD_PRELOAD": "", "_RONDO_NOTED": "1"})
        self.assertEqual(env["LD_PRELOAD"], self.shim)

    def test_the_installed_places(self):
        for number, libraries in enumerate(("lib", "lib/x86_64-linux-gnu")):
            launcher, shim = self.install(self.folder / f"prefix{number}", "bin", libraries)
            done = self.run_launcher(PLAIN_PROGRAM, "/proc/self/maps", launcher=launcher)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(os.path.realpath(shim), done.stdout)

    def test_without_the_shim_nothing_runs(self):
        alone = self.folder / "alone"
        alone.mkdir()
        done = self.run_launcher("/bin/echo", "x", launcher=str(shutil.copy(programs.LAUNCHER, alone)))
        self.assertEqual((done.returncode, done.stdout), (126, ""))
        self.assertRegex(done.stderr, rf"\Arondo: librondo_shim.so is neither in {alone} nor in [^\n]*\n\Z")

    def test_a_place_that_the_preload_list_cannot_name(self):
        launcher, shim = self.install(self.folder / "a b", ".", ".")
        done = self.run_launcher("/bin/echo", "x", launcher=launcher)
        self.assertEqual((done.returncode, done.stdout), (126, ""))
        self.assertEqual(done.stderr, f"rondo: {shim}: LD_PRELOAD cannot name a path with a blank, ':' or '$'; "
                                      "move Rondo elsewhere\n")


class ThreadLocalNote(Installed):
    def test_said_once_to_a_program_with_thread_local_variables(self):
        done = self.run_launcher(self.program)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "ok\n", f"rondo: {self.program} {NOTE}\n"))

    def test_not_said_to_others(self):
        done = self.run_launcher(PLAIN_PROGRAM, "/dev/null")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_not_repeated_by_launchers_further_down(self):
        done = self.run_launcher(self.program, self.launcher, self.program)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "ok\nok\n", f"rondo: {self.program} {NOTE}\n"))

    def test_a_script_is_told_of_its_interpreter(self):
        script = self.folder / "script"
        script.write_text(f"#!{self.program} /bin/true\n")
        script.chmod(0o755)
        self.assertIn(f"rondo: {self.program} {NOTE}\n", self.run_launcher(str(script)).stderr)


def refuse_epoll():
    """A seccomp filter of this process: epoll_create1 fails with EPERM."""
    def instruction(code, yes, no, value):
        return struct.pack("<HBBI", code, yes, no, value)

    load_number, jump_equal, give = 0x20, 0x15, 0x06
    code = (instruction(load_number, 0, 0, 0) + instruction(jump_equal, 0, 1, SYS_EPOLL_CREATE1) +
            instruction(give, 0, 0, 0x00050000 | EPERM) + instruction(give, 0, 0, 0x7FFF0000))
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")


class Check(Installed):
    def report(self, *args, **options):
        done = self.run_launcher("--check", *args, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines, label = {}, None
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 114)
            label = line[:17].strip() or label
            lines[label] = f"{lines.get(label, '')} {line[17:]}".strip()
        return lines

    def test_the_system(self):
        lines = self.report()
        self.assertEqual(list(lines), ["kernel", "I/O backend", "workers", "stack guards", "open files", "memory maps",
                                       "address space", "overcommit", "memory", "kernel tasks", "so"])
        self.assertIn(os.uname().release, lines["kernel"])
        self.assertTrue(lines["I/O backend"].startswith("epoll: "), lines)
        self.assertRegex(lines["stack guards"], r"\A(madvise|mprotect): ")
        self.assertRegex(lines["so"], r"\Aabout [\d,]+ threads \(limited by .*\), about [\d,]+ connections")

    def test_settings_show(self):
        lines = self.report(settings={"RONDO_WORKERS": "3", "RONDO_IO": "epoll", "RONDO_STACK": "256K"})
        self.assertEqual(lines["workers"], "3, as RONDO_WORKERS asks")
        self.assertEqual(lines["I/O backend"], "epoll, as RONDO_IO asks")
        self.assertIn("at about 5 KB each with stacks of 256 KB", lines["memory"])

    def test_affinity_bounds_the_workers(self):
        cpu = min(os.sched_getaffinity(0))
        lines = self.report(preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        self.assertTrue(lines["workers"].startswith("1: CPUs it may run on: 1; "), lines)

    def test_open_files_bound_the_connections(self):
        lines = self.report(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (600, 1100)))
        self.assertEqual(lines["open files"], "600 now, 1,100 at most: about 500 connections, one descriptor each; "
                                              "`ulimit -n 1100` raises it")
        self.assertIn("about 500 connections with a thread each", lines["so"])

    @unittest.skipIf(programs.SANITIZED, "a sanitizer reserves more address space than the limit")
    def test_address_space_bounds_the_threads(self):
        lines = self.report(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)))
        self.assertEqual(lines["address space"], "1 GB: about 128 threads with stacks of 8 MB")
        self.assertIn("about 128 threads (limited by address space)", lines["so"])

    def test_imports_are_split(self):
        lines = self.report(self.program)
        self.assertEqual(lines["program"], self.program)
        self.assertTrue(lines["thread-local"].startswith("yes: "))
        self.assertIn("read", lines["parks"].split())
        self.assertNotIn("execv", " ".join(lines.values()).split())
        everything = " ".join(lines[label] for label in ("parks", "offloads", "refused", "not intercepted")).split()
        for name in ("flock", "getaddrinfo"):
            self.assertEqual(everything.count(name), 1, lines)

    def test_a_script_is_shown_with_its_interpreter(self):
        script = self.folder / "script"
        script.write_text(f"#!{self.program}\n")
        script.chmod(0o755)
        self.assertEqual(self.report(str(script))["program"], f"{script}, a script of {self.program}")

    def test_a_program_that_cannot_run(self):
        done = self.run_launcher("--check", "/nonexistent")
        self.assertEqual((done.returncode, done.stderr), (127, "rondo: /nonexistent: not found\n"))
        self.assertIn("kernel", done.stdout)

    def test_a_kernel_without_epoll(self):
        message = "this system refuses epoll_create1 (Operation not permitted), which Rondo needs"
        done = self.run_launcher("/bin/echo", "x", preexec_fn=refuse_epoll)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (126, "", f"rondo: {message}\n"))
        done = self.run_launcher("--check", preexec_fn=refuse_epoll)
        self.assertIn(f"none: {message}", re.sub(r"\s+", " ", done.stdout))


@unittest.skipUnless(programs.SHIM.exists(), "librondo_shim.so is not built")
@unittest.skipIf(programs.SANITIZED, "an unmodified program cannot preload a sanitized shim")
class RealShim(unittest.TestCase):
    def test_the_echo_server_of_the_examples(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(**settings), programs.Server("echo", settings=settings) as server:
                clients = [server.connect() for _ in range(50)]
                for number, client in enumerate(clients):
                    client.sendall(b"hello %d\n" % number)
                for number, client in enumerate(clients):
                    with client, client.makefile("rb") as lines:
                        self.assertEqual(lines.readline(), b"hello %d\n" % number)
                self.assertLessEqual(server.tasks(), 16)


if __name__ == "__main__":
    unittest.main()
