# SPDX-License-Identifier: Apache-2.0
"""Holds the source tree to the rules of docs/architecture.md.

The floors are read from the table there, so that the page and the tree cannot drift apart. A file of runtime/ includes
its own floor's folder (never a sibling's), lower floors, rondo.h and system headers. Lengths are measured roughly: a
function is what a brace in column 0, or one level inside a namespace or class, opens and closes.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ["RONDO_TEST_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["RONDO_TEST_BUILD_DIR"])
RUNTIME = ROOT / "runtime"
CODE_FOLDERS = ("precompiled", "runtime", "syscall_shim", "knot", "bench", "tests", "docs/examples")
CODE_SUFFIXES = {".cpp", ".h", ".c"}
MOST_FILE_LINES = 399
MOST_FUNCTION_LINES = 59
TABLE_ROW = re.compile(r"^\|\s*`(\w+)/`\s*\|\s*(\d)\s*\|", re.MULTILINE)
QUOTED_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
ANGLE_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)
ASSEMBLY = re.compile(r"\b(asm|__asm__)\b")
FUNCTION_HEAD = re.compile(r"\)[^;=()]*\{\s*$")


def floors():
    return {name: int(floor) for name, floor in TABLE_ROW.findall((ROOT / "docs/architecture.md").read_text())}


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in CODE_SUFFIXES:
                yield path


def wrong_include(path, included, table):
    """Why the file of runtime/ must not include this header of ours, or None."""
    own, other = path.relative_to(RUNTIME).parts[0], included.removeprefix("runtime/").split("/")[0]
    if included == "runtime/include/rondo/rondo.h":
        return None
    if not included.startswith("runtime/") or other not in table:
        return "names no floor of the runtime"
    if other != own and table[other] >= table[own]:
        return f"floor {table[other]} from floor {table[own]}"
    return None


def long_functions(path):
    """(line, length) of each function over the limit: from its opening brace to the brace at the same indentation."""
    lines = path.read_text().splitlines()
    for start, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        head = line.lstrip()
        if indent > 8 or not FUNCTION_HEAD.search(line) or re.match(r"(if|for|while|switch|\}|else|return|do)\b", head):
            continue
        if start > 0 and lines[start - 1].endswith(("||", "&&")):
            continue  # the end of a condition
        for end in range(start + 1, len(lines)):
            if lines[end].startswith(" " * indent + "}"):
                if end - start + 1 > MOST_FUNCTION_LINES:
                    yield start + 1, end - start + 1
                break


class Floors(unittest.TestCase):
    def test_every_folder_of_the_runtime_has_a_floor(self):
        folders = {path.name for path in RUNTIME.iterdir() if path.is_dir() and path.name != "include"}
        self.assertEqual(folders, set(floors()))

    def test_includes_go_down(self):
        table, wrong = floors(), []
        for path in sources("runtime"):
            if path.is_relative_to(RUNTIME / "include"):
                continue
            for included in QUOTED_INCLUDE.findall(path.read_text()):
                reason = wrong_include(path, included, table)
                if reason:
                    wrong.append(f"{path.relative_to(ROOT)} includes {included}: {reason}")
        self.assertEqual(wrong, [])

    def test_the_check_rejects_siblings_and_upper_floors(self):
        table = floors()
        for file, included in (("sync/mutex.cpp", "runtime/io/fd_table.h"), ("core/timers.cpp", "runtime/sync/mutex.h"),
                               ("io/io_ops.cpp", "runtime/sched/fifo_policy.h"), ("base/check.cpp", "runtime/nowhere/x.h"),
                               ("base/check.cpp", "check.h")):
            self.assertIsNotNone(wrong_include(RUNTIME / file, included, table), (file, included))
        for file, included in (("sync/mutex.cpp", "runtime/core/waiter.h"), ("core/fiber.cpp", "runtime/core/context.h")):
            self.assertIsNone(wrong_include(RUNTIME / file, included, table), (file, included))

    def test_only_context_names_boost(self):
        naming = [path.relative_to(RUNTIME).as_posix() for path in sources("runtime")
                  if any(name.startswith("boost/") for name in ANGLE_INCLUDE.findall(path.read_text()))]
        self.assertEqual([name for name in naming if not name.startswith("core/context.")], [])

    def test_architecture_code_stays_in_its_files(self):
        allowed = re.compile(r"(core/context|core/tls|base/)")
        assembly = [path.relative_to(RUNTIME).as_posix() for path in sources("runtime")
                    if ASSEMBLY.search(re.sub(r"//.*", "", path.read_text()))]
        self.assertEqual([name for name in assembly if not allowed.match(name)], [])

    def test_the_runtime_uses_no_library_of_threads_or_streams(self):
        forbidden = {"mutex", "thread", "condition_variable", "shared_mutex", "iostream", "fstream", "sstream", "future"}
        naming = [f"{path.relative_to(ROOT)}: <{name}>" for path in sources("runtime")
                  for name in ANGLE_INCLUDE.findall(path.read_text()) if name in forbidden]
        self.assertEqual(naming, [])


class Files(unittest.TestCase):
    def test_files_and_functions_are_short(self):
        long = []
        for path in sources(*CODE_FOLDERS):
            count = len(path.read_text().splitlines())
            if count > MOST_FILE_LINES:
                long.append(f"{path.relative_to(ROOT)}: {count} lines")
            long += [f"{path.relative_to(ROOT)}:{line}: a function of {length} lines"
                     for line, length in long_functions(path)]
        self.assertEqual(long, [])

    def test_the_measure_finds_a_long_function(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "long.cpp"
            path.write_text("void f() {\n" + "    g();\n" * 70 + "}\n")
            self.assertEqual(list(long_functions(path)), [(1, 72)])

    def test_files_open_with_the_licence_and_a_purpose(self):
        wrong = []
        for path in sources(*CODE_FOLDERS):
            lines = path.read_text().splitlines()
            if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
                wrong.append(f"{path.relative_to(ROOT)}: no licence line")
            elif not any(re.match(r"\s*(//|\*) \S", line) for line in lines[1:4]):
                wrong.append(f"{path.relative_to(ROOT)}: no purpose")
        self.assertEqual(wrong, [])


class BuildLists(unittest.TestCase):
    """Meson lists are explicit; a file that no list names would be left out in silence."""

    def unlisted(self, folder, pattern):
        listed = (ROOT / folder / "meson.build").read_text()
        return [str(path.relative_to(ROOT)) for path in sorted((ROOT / folder).rglob(pattern))
                if f"'{path.relative_to(ROOT / folder)}'" not in listed]

    def test_every_source_is_built(self):
        self.assertEqual(self.unlisted("runtime", "*.c*") + self.unlisted("knot", "*.c*"), [])

    def test_every_test_is_run(self):
        self.assertEqual(self.unlisted("tests", "*_test.cpp") + self.unlisted("tests", "*_test.py"), [])


class Documents(unittest.TestCase):
    def test_links_lead_to_files(self):
        dead = []
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
            for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
                if "://" not in target and not (page.parent / target).exists():
                    dead.append(f"{page.relative_to(ROOT)}: {target}")
        self.assertEqual(dead, [])


class PublicInterface(unittest.TestCase):
    def test_the_header_compiles_as_c11(self):
        with tempfile.TemporaryDirectory() as directory:
            source = pathlib.Path(directory) / "header.c"
            source.write_text("#include <rondo/rondo.h>\nrondo_mutex_t m = RONDO_MUTEX_INITIALIZER;\n")
            done = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                                   "-fsyntax-only", f"-I{RUNTIME}/include", str(source)],
                                  capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def exported(self):
        library = BUILD / "runtime" / "librondo.so"
        done = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True,
                              timeout=30)
        return {line.split()[-1].split("@")[0] for line in done.stdout.splitlines()}

    def test_the_library_exports_what_the_headers_declare(self):
        text = "".join(path.read_text() for path in (RUNTIME / "include/rondo").glob("*.h"))
        header = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        declared = set(re.findall(r"\b(rondo_\w+)\(", header))
        exported = self.exported()
        self.assertEqual((sorted(exported - declared), sorted(declared - exported)), ([], []), "(surplus, missing)")

    @unittest.skipIf(os.environ.get("RONDO_TEST_SANITIZE", "none") != "none", "a sanitizer's library needs libstdc++")
    @unittest.skipUnless(shutil.which("readelf"), "needs readelf")
    def test_the_library_needs_libc_alone(self):
        library = BUILD / "runtime" / "librondo.so"
        done = subprocess.run(["readelf", "-d", str(library)], capture_output=True, text=True, check=True, timeout=30)
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout))
        self.assertLessEqual(needed, {"libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"})
        self.assertIn("[librondo.so.0]", done.stdout)
        self.assertIn("NODELETE", done.stdout)


if __name__ == "__main__":
    unittest.main()
