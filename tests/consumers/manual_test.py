# SPDX-License-Identifier: Apache-2.0
"""The manual pages: each names exactly the options and settings of its program's --help, and is well-formed."""
import re
import shutil
import subprocess
import unittest

import programs

PAGES = {"knot": programs.BUILD / "knot" / "knot-nptl", "rondo": programs.BUILD / "syscall_shim" / "rondo"}
FOLDER = programs.SOURCE / "docs" / "man"
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
PAGE_OPTION = re.compile(r"^\.It Fl (?:\w , )?-([a-z][a-z-]*)", re.MULTILINE)
SETTING = re.compile(r"\bRONDO_[A-Z]+(?:_[A-Z]+)*\b")


def page(name):
    return (FOLDER / f"{name}.1").read_text(encoding="utf-8")


class Pages(unittest.TestCase):
    def test_every_program_has_a_page_and_every_page_a_program(self):
        self.assertEqual({path.name for path in FOLDER.glob("*.1")}, {f"{name}.1" for name in PAGES})

    def test_pages_name_the_options_of_help(self):
        for name, program in PAGES.items():
            with self.subTest(name):
                done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10, check=True,
                                      env=programs.environment(native=True))
                described = {f"--{option}" for option in PAGE_OPTION.findall(page(name))}
                self.assertEqual(described, set(OPTION.findall(done.stdout)))
                self.assertLessEqual(set(SETTING.findall(done.stdout)), set(SETTING.findall(page(name))))

    @unittest.skipUnless(shutil.which("mandoc"), "needs mandoc")
    def test_pages_are_well_formed(self):
        for name in PAGES:
            done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", FOLDER / f"{name}.1"], capture_output=True, text=True,
                                  timeout=10, check=False)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
