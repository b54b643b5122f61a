# SPDX-License-Identifier: Apache-2.0
"""What README and the pages of docs/ show in `console` blocks is what happens.

One case a page; tests/support/console.py tells how a block is written and run. The page's commands find the build tree's
programs and libraries as if they were installed, and start in a folder that looks like the one that the page speaks of:
the page's own, for docs/ the source tree, with `build` in it. What installs, takes long or needs root stands in an `sh`
block and is not run.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import console
import programs

FENCES = {"console", "sh", "c", "cpp", "text", "json", "meson", "cmake", "dockerfile", "http", "dot"}
PAGES = sorted([programs.SOURCE / "README.md", *(programs.SOURCE / "docs").rglob("*.md")])
BINARIES = ("syscall_shim", "knot", "bench")
LIBRARIES = ("syscall_shim", "runtime")


def environment():
    """The build tree as if installed, with nothing preloaded."""
    env = programs.environment()
    env.pop("LD_PRELOAD", None)
    folders = {name: str(programs.BUILD / name) for name in {*BINARIES, *LIBRARIES}}
    libraries = ":".join(folders[name] for name in LIBRARIES)
    return {**env, "PATH": ":".join([folders[name] for name in BINARIES] + [env["PATH"]]), "LIBRARY_PATH": libraries,
            "LD_LIBRARY_PATH": libraries, "CPATH": str(programs.SOURCE / "runtime/include"),
            "PKG_CONFIG_PATH": str(programs.BUILD / "packaging"), "LC_ALL": "C.UTF-8", "COLUMNS": "100"}


def furnish(page, folder):
    """Makes the folder look like the page's own: files are copied, folders linked."""
    home = page.parent if page.parent != programs.SOURCE / "docs" else programs.SOURCE
    for entry in home.iterdir():
        if entry.is_file():
            shutil.copy(entry, folder)
        elif not entry.name.startswith((".", "build")):
            (folder / entry.name).symlink_to(entry)
    (folder / "build").symlink_to(programs.BUILD)


def run_page(page):
    steps = console.steps(page.read_text())
    with tempfile.TemporaryDirectory(prefix="rondo-page-") as folder:
        furnish(page, pathlib.Path(folder))
        with console.Session(folder, environment()) as shell:
            for step in steps:
                shell.run(step)


@unittest.skipIf(programs.SANITIZED, "the pages show the release build")
class Pages(unittest.TestCase):
    """Gets a case for each page that has a console block."""


def case_of(page):
    def run(_):
        try:
            run_page(page)
        except console.Mismatch as problem:
            raise AssertionError(f"{page.relative_to(programs.SOURCE)}, {problem}") from None
    return run


for each in PAGES:
    if any(block.info == "console" for block in console.blocks(each.read_text())):
        name = str(each.relative_to(programs.SOURCE).with_suffix("")).replace("/", "_")
        setattr(Pages, f"test_{name}", case_of(each))


class Fences(unittest.TestCase):
    def test_every_block_has_a_known_kind(self):
        wrong = [f"{page.name}, line {block.line}: {block.info!r}" for page in PAGES
                 for block in console.blocks(page.read_text()) if (block.info.split() or [""])[0] not in FENCES]
        self.assertEqual(wrong, [])

    def test_the_pages_for_newcomers_are_run(self):
        for name in ("README", "docs_tutorial", "docs_limits", "docs_launcher"):
            self.assertTrue(hasattr(Pages, f"test_{name}"), f"{name} has no console block")


class Commands(unittest.TestCase):
    """Also what is only mentioned must exist: commands and options of ./dev, options of rondo and knot."""

    def unknown(self, help_text, pattern):
        """Words on the pages, by the pattern, that the help does not have."""
        known = set(re.findall(r"(?<![\w-])-{0,2}[a-z][\w-]*", help_text))
        return [f"{page.name}: {found[0]}" for page in PAGES for found in re.finditer(pattern, page.read_text())
                for word in re.findall(r"-{0,2}[a-z][\w-]*", " ".join(filter(None, found.groups()))) if word not in known]

    def help_of(self, *command):
        return subprocess.run([*map(str, command), "--help"], env=programs.environment(native=True), capture_output=True, text=True,
                              check=True, timeout=30).stdout

    def test_of_dev(self):
        text = self.help_of(programs.SOURCE / "dev") + " --help"
        self.assertEqual(self.unknown(text, r"\./dev ((?!bench)[a-z]+|-[-\w]+)((?: --[a-z-]+)*)"), [])
        benchmarks = self.help_of("python3", programs.SOURCE / "bench/run.py")
        self.assertEqual(self.unknown(benchmarks, r"\./dev bench ([a-z][\w-]*|--[a-z-]+)((?: --[a-z-]+)*)"), [])

    def test_of_rondo(self):
        self.assertEqual(self.unknown(self.help_of(programs.LAUNCHER), r"\brondo (--[a-z]+)"), [])

    @unittest.skipIf(programs.SANITIZED, "the pages show the release build")
    def test_of_knot(self):
        self.assertEqual(self.unknown(self.help_of(programs.BUILD / "knot/knot-nptl"), r"\bknot (--[a-z-]+)"), [])

    def test_what_is_unknown_is_found(self):
        self.assertTrue(self.unknown("nothing", r"\./dev ([a-z]+)"))


class Picture(unittest.TestCase):
    def test_its_figures_are_those_of_the_readme(self):
        words = " ".join(xml.etree.ElementTree.parse(programs.SOURCE / "docs/rondo.svg").getroot().itertext())
        figures = re.findall(r"[\d.]+ µs", words)
        readme = (programs.SOURCE / "README.md").read_text()
        self.assertEqual(([figure for figure in figures if figure not in readme], bool(figures)), ([], True))


class Runner(unittest.TestCase):
    """A page that is wrong fails."""

    def run_text(self, text, seconds=10):
        with tempfile.TemporaryDirectory(prefix="rondo-page-") as folder, \
                console.Session(folder, dict(os.environ), seconds) as shell:
            for step in console.steps(text):
                shell.run(step)

    def passes(self, body, before=""):
        self.run_text(f"{before}\n```console\n{body}\n```\n")

    def fails(self, body, before="", seconds=10):
        with self.assertRaises(console.Mismatch, msg=body):
            self.run_text(f"{before}\n```console\n{body}\n```\n", seconds)

    def is_refused(self, text):
        with self.assertRaises(console.PageError, msg=text):
            console.steps(text)

    def test_the_output_is_compared(self):
        self.passes("$ echo one; echo two\none\ntwo\n$ true")
        for wrong in ("$ echo one\ntwo", "$ echo one", "$ true\none", "$ echo one; echo two\none", "$ echo two; echo one\none\ntwo",
                      "$ echo one\none\n\n", "$ echo 'a.b'\na-b", "$ echo one >&2"):
            self.fails(wrong)

    def test_the_status_is_compared(self):
        self.fails("$ false")
        self.fails("$ echo one; false\none")
        self.passes("$ (exit 3)\n$ echo $?\n3")
        self.fails("$ (exit 3)\n$ echo $?\n0")

    def test_dots_stand_for_anything(self):
        self.passes("$ seq 5\n1\n...\n5\n$ echo here\nhere\n...\n$ echo a long line\na ... line")
        self.fails("$ seq 5\n1\n...\n6")
        self.fails("$ echo a long lane\na ... line")

    def test_figures_vary_only_where_the_mark_says_so(self):
        self.fails("$ echo took 12 ms, 3 times\ntook 10 ms, 3 times")
        self.passes("$ echo took 12.5 ms, 1,000 times\ntook 10 ms, 3 times", before="<!-- varies -->")
        self.passes("$ echo took 12 ms, 3 times\ntook 10 ms, 3 times", before="<!-- varies: 10 ms -->")
        self.fails("$ echo took 12 ms, 4 times\ntook 10 ms, 3 times", before="<!-- varies: 10 ms -->")
        self.fails("$ echo took few ms\ntook 10 ms", before="<!-- varies -->")
        self.is_refused("<!-- varies: 9 ms -->\n```console\n$ echo 10 ms\n10 ms\n```\n")
        self.is_refused("<!-- varies -->\ntext\n")

    def test_a_command_that_does_not_end_fails(self):
        self.fails("$ sleep 60", seconds=0.3)

    def test_blocks_share_the_shell_and_its_jobs(self):
        self.run_text("```console\n$ x=1; (echo ready; exec sleep 60) &\nready\n```\n\n```console\n$ echo $x; kill %1\n1\n```\n")
        self.passes("$ sleep 60 &\n$ kill -KILL %1\n$ sleep 60 &\n$ kill %1\n$ echo on\non")
        self.fails("$ (echo ready; exec sleep 60) &\nnever", seconds=0.5)

    def test_a_command_cannot_eat_the_next(self):
        self.passes("$ cat\n$ echo next\nnext")

    def test_a_command_goes_on_after_a_backslash(self):
        self.passes("$ echo one \\\n      two\none two")

    def test_files_are_written_with_the_pages_ports(self):
        self.run_text("```text note\nport 7000\n```\n\n```console\n$ cat note\nport 7000\n$ test \"$(cat note)\" != 'port '70'00'\n```\n")

    def test_a_shell_that_ends_fails(self):
        self.fails("$ exit 0\n$ true")

    def test_bad_pages_are_refused(self):
        for text in ("```console\nno command\n```\n", "```console\n```\n", "```console\n$ true\n"):
            self.is_refused(text)


if __name__ == "__main__":
    unittest.main()
