# SPDX-License-Identifier: Apache-2.0
"""The launcher before it runs anything: options, settings, and every kind of program that it refuses.

Each refusal is one line on standard error with its exit status: 2 for options and settings, 126 for a program that
cannot run under Rondo, 127 for one that is not found. Nothing of the program may have run.
"""
import os
import pathlib
import random
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import unittest

import programs

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from elf_fixture import AARCH64, EXEC, I386, REL, elf  # noqa: E402

DAMAGED_COPIES = 150
SEED = 20250917


class LauncherTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rondo-launcher-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def file(self, name, content, mode=0o755):
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return str(path)

    def refuses(self, status, message, *args, settings=None):
        done = programs.rondo(*args, settings=settings)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (status, "", f"rondo: {message}\n"), args)


class Options(LauncherTest):
    def test_help_names_every_option_and_setting(self):
        done = programs.rondo("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("--workers N", "--io", "--tls", "--stack SIZE", "--sched", "--watch[=MS]", "--deadlock", "--inspect", "ps|stacks|stats", "--check", "--version", "RONDO_WORKERS",
                     "RONDO_STACK", "RONDO_STALL_MS", "126", "127"):
            self.assertIn(word, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 110)

    def test_version(self):
        done = programs.rondo("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"\Arondo \d+\.\d+\.\d+\n\Z")

    def test_what_cannot_be_printed_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([programs.LAUNCHER, "--help"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=programs.environment(), timeout=30, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "rondo: standard output cannot be written\n"))

    def test_wrong_options(self):
        self.refuses(2, "no program given; see rondo --help")
        self.refuses(2, "no program given; see rondo --help", "--workers", "2")
        self.refuses(2, "no program given; see rondo --help", "--")
        self.refuses(2, "--wrokers: no such option; see rondo --help", "--wrokers", "2", "/bin/true")
        self.refuses(2, "-w: no such option; see rondo --help", "-w", "/bin/true")
        self.refuses(2, "--check=x: no such option; see rondo --help", "--check=x")
        self.refuses(2, "--stack: needs a value, SIZE", "--stack")
        self.refuses(2, "--a?b: no such option; see rondo --help", "--a\nb")


class Settings(LauncherTest):
    def test_wrong_values(self):
        cases = {
            ("RONDO_WORKERS", "abc"): "RONDO_WORKERS=abc: expected a number from 1 to 256",
            ("RONDO_WORKERS", "0"): "RONDO_WORKERS=0: expected a number from 1 to 256",
            ("RONDO_WORKERS", ""): "RONDO_WORKERS=: expected a number from 1 to 256",
            ("RONDO_IO", "kqueue"): "RONDO_IO=kqueue: expected auto or epoll",
            ("RONDO_IO", "io_uring"): "RONDO_IO=io_uring: not available in this version; expected auto or epoll",
            ("RONDO_TLS", "fiber"): "RONDO_TLS=fiber: not available in this version; expected worker",
            ("RONDO_STACK", "8X"): "RONDO_STACK=8X: expected a size from 16K to 1G, with K, M or G",
            ("RONDO_SCHED", "graph"): "RONDO_SCHED=graph: not available in this version; expected fifo, seed:N or replay:FILE",
            ("RONDO_SCHED", "seed:-1"): "RONDO_SCHED=seed:-1: expected fifo, seed:N or replay:FILE",
            ("RONDO_TRACE", "x"): "RONDO_TRACE needs RONDO_SCHED=seed:N or replay:FILE",
            ("RONDO_STALL_MS", "soon"):
                "RONDO_STALL_MS=soon: expected a number of milliseconds from 0 (off) to 3600000",
            ("RONDO_DEADLOCK", "yes"): "RONDO_DEADLOCK=yes: expected abort, report or off",
            ("RONDO_WORKER", "2"): "RONDO_WORKER: no such setting; did you mean RONDO_WORKERS?",
        }
        for (name, value), message in cases.items():
            with self.subTest(name=name, value=value):
                self.refuses(2, message, "/bin/true", settings={name: value})
                self.refuses(2, message, "--check", settings={name: value})

    def test_options_are_checked_like_settings(self):
        self.refuses(2, "RONDO_WORKERS=999: expected a number from 1 to 256", "--workers", "999", "/bin/true")
        self.refuses(2, "RONDO_STACK=1: expected a size from 16K to 1G, with K, M or G", "--stack=1", "/bin/true")
        self.refuses(2, "RONDO_STALL_MS=: expected a number of milliseconds from 0 (off) to 3600000", "--watch=", "/bin/true")

    def test_settings_are_judged_before_the_program(self):
        self.refuses(2, "RONDO_IO=x: expected auto or epoll", "/nonexistent", settings={"RONDO_IO": "x"})


class Finding(LauncherTest):
    def test_not_found(self):
        self.refuses(127, "/nonexistent/program: not found", "/nonexistent/program")
        self.refuses(127, "no-such-program: not found", "no-such-program")
        self.refuses(127, "'': not found", "")
        self.refuses(127, "/etc/passwd/x: not found", "/etc/passwd/x")
        self.refuses(127, "--: not found", "--", "--")

    def test_not_executable(self):
        plain = self.file("plain", elf(), mode=0o644)
        self.refuses(126, f"{plain}: not executable", plain)
        self.refuses(126, f"{self.folder}: Is a directory", self.folder)
        os.mkfifo(self.folder / "fifo", 0o755)
        self.refuses(126, f"{self.folder}/fifo: not executable", self.folder / "fifo")

    def test_path_is_searched_like_the_shell_does(self):
        self.file("tool", elf(), mode=0o644)
        self.refuses(126, "tool: not executable", "tool", settings={"PATH": f"/nonexistent:{self.folder}"})
        self.file("other", b"text")
        self.refuses(126, "other is neither an ELF program nor a #! script", "other",
                     settings={"PATH": f"{self.folder}:/usr/bin"})


class Judging(LauncherTest):
    def refuses_file(self, status, reason, content, mode=0o755):
        path = self.file("program", content, mode)
        self.refuses(status, f"{path} {reason}", path)

    def test_neither_program_nor_script(self):
        for content in (b"", b"x", b"\x7fEL", b"echo hello\n", b"\0" * 4096):
            self.refuses_file(126, "is neither an ELF program nor a #! script", content)

    def test_a_static_program(self):
        source = self.file("static.c", "int main(void) { return 0; }\n")
        program = str(self.folder / "static")
        subprocess.run(["cc", "-static", "-o", program, source], check=True, timeout=60)
        message = f"{program} is statically linked; Rondo needs a dynamically linked program"
        self.refuses(126, message, program)
        self.refuses_file(126, "is statically linked; Rondo needs a dynamically linked program",
                          elf(interpreter=None, kind=EXEC))

    def test_other_machines(self):
        self.refuses_file(126, "is a 32-bit program; Rondo runs 64-bit programs", elf(bits=32, machine=I386))
        self.refuses_file(126, "is for another architecture (AArch64); Rondo runs x86-64 programs",
                          elf(machine=AARCH64))

    def test_not_a_program(self):
        self.refuses_file(126, "is an ELF file but not a program", elf(kind=REL))
        self.refuses_file(126, "is a shared library, not a program", elf(interpreter=None))

    def test_go(self):
        reason = "is a Go program; Go brings threads and system calls of its own, which Rondo cannot reach"
        self.refuses_file(126, reason, elf(note=("Go", 4), interpreter=None, kind=EXEC))
        self.refuses_file(126, reason, elf(note=("Go", 4)))
        self.refuses_file(126, reason, elf(sections=[".text", ".go.buildinfo"]))

    def test_other_loaders(self):
        self.refuses_file(126, "is linked with musl (ld-musl-x86_64.so.1); Rondo needs glibc",
                          elf(interpreter="/lib/ld-musl-x86_64.so.1"))
        self.refuses_file(126, "has the loader linker64; Rondo needs glibc's, ld-linux-x86-64.so.2",
                          elf(interpreter="/system/bin/linker64"))
        path = self.file("program", elf(interpreter="/nonexistent/ld-linux-x86-64.so.2"))
        self.refuses(127, f"{path}: its loader /nonexistent/ld-linux-x86-64.so.2 is not found", path)

    def test_privileged_programs(self):
        tail = "; the kernel lets nothing be preloaded into it"
        self.refuses_file(126, "is setuid" + tail, elf(), mode=0o755 | stat.S_ISUID)
        self.refuses_file(126, "is setgid" + tail, elf(), mode=0o755 | stat.S_ISGID)

    def test_file_capabilities(self):
        path = self.file("program", elf())
        capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
        try:
            os.setxattr(path, "security.capability", capability)
        except OSError as error:
            self.skipTest(f"this user or file system sets no file capabilities: {error.strerror}")
        self.refuses(126, f"{path} has file capabilities; the kernel lets nothing be preloaded into it", path)

    def test_a_name_with_a_line_break_stays_on_one_line(self):
        path = self.file("a\nb", b"text")
        self.refuses(126, path.replace("\n", "?") + " is neither an ELF program nor a #! script", path)


class Scripts(LauncherTest):
    def test_the_interpreter_is_judged(self):
        musl = self.file("musl", elf(interpreter="/lib/ld-musl-x86_64.so.1"))
        reason = f"its interpreter {musl} is linked with musl (ld-musl-x86_64.so.1); Rondo needs glibc"
        for line in (f"#!{musl}", f"#! {musl} -x", f"#!\t{musl}\t", f"#!/usr/bin/env {musl}",
                     f"#!/usr/bin/env -S A=1 -i {musl} -x", f"#!/usr/bin/env -S -u HOME {musl}"):
            script = self.file("script", line + "\n")
            self.refuses(126, f"{script}: {reason}", script)
        outer = self.file("outer", f"#!{script}\n")
        self.refuses(126, f"{outer}: {reason}", outer)

    def test_an_interpreter_that_is_missing(self):
        script = self.file("script", "#!/nonexistent/sh\n")
        self.refuses(127, f"{script}: its interpreter /nonexistent/sh: not found", script)
        script = self.file("script", "#!/usr/bin/env no-such-shell\n")
        self.refuses(127, f"{script}: its interpreter no-such-shell: not found", script)
        plain = self.file("plain", elf(), mode=0o644)
        script = self.file("script", f"#!{plain}\n")
        self.refuses(126, f"{script}: its interpreter {plain}: not executable", script)

    def test_lines_that_lead_nowhere(self):
        for line in ("#!", "#!\n", "#!  \t\n/bin/sh", "#!/usr/bin/env -S A=1\n"):
            script = self.file("script", line)
            self.refuses(126, f"{script}: its #! line names no program", script)
        loop = str(self.folder / "loop")
        self.file("loop", f"#!{loop}\n")
        self.refuses(126, f"{loop}: its interpreter {loop}: too many levels of #! scripts", loop)


class Damaged(LauncherTest):
    """A truncated or altered program ends in a verdict: never in a crash, a hang or a second line."""

    def judged(self, content):
        path = self.file("program", content)
        done = programs.rondo("--check", path)
        self.assertIn(done.returncode, (0, 126, 127), done.stderr)
        if done.returncode != 0:
            self.assertRegex(done.stderr, r"\Arondo: [^\n]*\n\Z")
        return done

    def test_truncated_programs(self):
        whole = pathlib.Path("/bin/cat").read_bytes()
        self.assertEqual(self.judged(whole).returncode, 0)
        lengths = [4, 5, 63, 64, 65, 120, 400, *range(1000, len(whole), max(len(whole) // 60, 1)), len(whole) - 1]
        for length in lengths:
            done = self.judged(whole[:length])
            self.assertEqual(done.returncode, 126, length)
            self.assertIn("is a damaged program file: ", done.stderr)

    def test_altered_programs(self):
        generator = random.Random(SEED)
        whole = pathlib.Path("/bin/cat").read_bytes()
        refused = 0
        for _ in range(DAMAGED_COPIES):
            copy = bytearray(whole)
            for _ in range(generator.randrange(1, 40)):
                copy[generator.randrange(4, 5000)] = generator.randrange(256)
            refused += self.judged(copy).returncode != 0
        self.assertGreater(refused, 0)

    def test_garbage(self):
        generator = random.Random(SEED)
        for _ in range(DAMAGED_COPIES):
            tail = generator.randbytes(generator.randrange(0, 2000))
            self.assertNotEqual(self.judged(elf()[:generator.randrange(4, 120)] + tail).returncode, 0)

    def test_offsets_that_wrap_around(self):
        for at, size in ((32, 8), (40, 8), (54, 2), (56, 2), (60, 2), (64 + 8, 8), (64 + 32, 8)):
            copy = bytearray(elf(sections=[".text"]))
            copy[at:at + size] = b"\xff" * size
            self.judged(copy)
        copy = bytearray(elf())
        copy[-1:] = b"x"
        self.assertIn("the name of its loader is no text", self.judged(copy).stderr)


if __name__ == "__main__":
    unittest.main()
