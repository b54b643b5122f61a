#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one-line faults in the runtime and tells which of them the stress, or the seeded scenarios, find.

    run.py [--by stress] [--seconds S] [--workers W] [--seed N] [--least N] [--only TEXT] [--list] [--keep DIR]
    run.py --by explore [--seeds N] [--least N] [--only TEXT] [--list] [--keep DIR]

The tree is copied once and configured once; each fault is written into its file, the build brought up to date, the
stress run for S seconds on W workers or the scenarios of tests/explore under N seeds on one, and the file restored. A
fault is caught if that ends in any other way than with "nothing lost" or "no failure": a fault or broken invariant, a
wrong account, a stall, or no end within the time allowed. A fault that does not compile is an error of the list, not a
catch. The unmodified tree has to pass first.

Exit 0: at least N faults (18) were caught. 1: fewer. 2: the list or the build is wrong.
Alternative rejected: mutating machine code or generating faults at random, because most of those are equivalent to the
original or crash at once, and say nothing about the stress.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from faults import FAULTS

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEWEST_FAULTS = 20
NOT_COPIED = shutil.ignore_patterns(".git", "build*", "__pycache__", "*.log")
# A stall is noticed after 10 s; what ends later than that hangs.
GRACE_SECONDS = 45
EXPLORE_SECONDS = 300


def copy_changed(source, target):
    """A copy is always younger than what was built from another text of it."""
    target_path = pathlib.Path(target)
    if not target_path.exists() or target_path.read_bytes() != pathlib.Path(source).read_bytes():
        shutil.copyfile(source, target)
        shutil.copymode(source, target)


class Tree:
    """The scratch copy and its build."""

    def __init__(self, directory):
        self.source = pathlib.Path(directory) / "source"
        self.build = pathlib.Path(directory) / "build"
        shutil.copytree(ROOT, self.source, ignore=NOT_COPIED, copy_function=copy_changed, dirs_exist_ok=True)
        if not (self.build / "build.ninja").exists():
            self.call("meson", "setup", str(self.build), str(self.source), "--buildtype=debugoptimized")

    @staticmethod
    def call(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")

    def make(self, program):
        self.call("ninja", "-C", str(self.build), "-j2", program)

    def ending(self, program, arguments, limit):
        """None if all went well, else how it ended."""
        try:
            done = subprocess.run([str(self.build / program), *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=limit)
        except subprocess.TimeoutExpired:
            return "no end"
        good = done.returncode == 0 and ("nothing lost" in done.stdout or "no failure" in done.stdout)
        return None if good else reason(done)


class Stress:
    """Finds by chance, on several workers."""
    program = "tests/stress/stress"

    def __init__(self, options):
        self.options = options

    def ending(self, tree, seconds):
        arguments = ["--seconds", str(seconds), "--workers", str(self.options.workers), "--seed", str(self.options.seed)]
        return tree.ending(self.program, arguments, seconds + GRACE_SECONDS)

    def first_ending(self, tree):
        return self.ending(tree, min(self.options.seconds, 10))

    def ending_with_fault(self, tree):
        return self.ending(tree, self.options.seconds)


class Explore:
    """Finds by seeded schedules, on one worker."""
    program = "tests/explore/explore"

    def __init__(self, options):
        self.options = options

    def ending_with_fault(self, tree):
        return tree.ending(self.program, [f"1-{self.options.seeds}"], EXPLORE_SECONDS)

    first_ending = ending_with_fault


def reason(done):
    """The first line that says what went wrong."""
    for line in done.stdout.splitlines():
        if line.startswith("stress: seed"):
            continue
        if line.startswith(("stress: ", "explore: ", "rondo: broken", "rondo: stack")) or "ERROR" in line:
            return " / ".join([line, *(each for each in done.stdout.splitlines() if ", seed " in each and each != line)])
    return f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"


def matching_lines(text, line):
    return [number for number, each in enumerate(text.split("\n")) if each.strip() == line]


def mutated(text, fault):
    lines = text.split("\n")
    number = matching_lines(text, fault.line)[0]
    indentation = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
    lines[number] = indentation + fault.becomes
    return "\n".join(lines)


def check_list(faults):
    wrong = []
    for fault in faults:
        path = ROOT / "runtime" / fault.file
        found = len(matching_lines(path.read_text(), fault.line)) if path.exists() else 0
        if found != 1:
            wrong.append(f"{fault.file}: {found} lines are \"{fault.line}\" ({fault.breaks})")
    if len(faults) < FEWEST_FAULTS:
        wrong.append(f"{len(faults)} faults; at least {FEWEST_FAULTS} are wanted")
    return wrong


def try_fault(tree, fault, finder):
    path = tree.source / "runtime" / fault.file
    original = path.read_text()
    try:
        path.write_text(mutated(original, fault))
        tree.make(finder.program)
        started = time.monotonic()
        ending = finder.ending_with_fault(tree)
        return ending, time.monotonic() - started
    finally:
        path.write_text(original)


def run(options, faults, directory):
    tree = Tree(directory)
    finder = (Explore if options.by == "explore" else Stress)(options)
    tree.make(finder.program)
    ending = finder.first_ending(tree)
    if ending is not None:
        print(f"mutants: the unmodified runtime fails: {ending}")
        return 2
    survivors = []
    for fault in faults:
        ending, seconds = try_fault(tree, fault, finder)
        print(f"{'SURVIVED' if ending is None else 'caught  '} {seconds:4.0f} s  {fault.file}: {fault.breaks}"
              f"{'' if ending is None else f' [{ending}]'}", flush=True)
        survivors += [fault] if ending is None else []
    caught = len(faults) - len(survivors)
    wanted = options.least if options.only is None else len(faults)
    print(f"mutants: {caught} of {len(faults)} caught, {wanted} wanted")
    return 0 if caught >= wanted else 1


def main():
    parser = argparse.ArgumentParser(description="plants one-line faults in the runtime and tells which are found")
    parser.add_argument("--by", choices=("stress", "explore"), default="stress")
    parser.add_argument("--seeds", type=int, default=10_000, help="for the scenarios, how many (10,000)")
    parser.add_argument("--seconds", type=int, default=20, help="length of each stress run (20)")
    parser.add_argument("--workers", type=int, default=4, help="RONDO_WORKERS of each run (4)")
    parser.add_argument("--seed", type=int, default=1, help="the stress's seed (1)")
    parser.add_argument("--least", type=int, default=18, help="how many have to be caught (18)")
    parser.add_argument("--only", help="only faults whose description or file contains this")
    parser.add_argument("--list", action="store_true", help="check the list, print it and stop")
    parser.add_argument("--keep", help="build in this directory and leave it there")
    options = parser.parse_args()
    wrong = check_list(FAULTS)
    for line in wrong:
        print(f"mutants: {line}", file=sys.stderr)
    if wrong:
        return 2
    faults = [f for f in FAULTS if options.only is None or options.only in f.file + " " + f.breaks]
    if not faults:
        print("mutants: no fault is so called", file=sys.stderr)
        return 2
    if options.list:
        for fault in faults:
            print(f"{fault.file}: {fault.breaks}")
        return 0
    try:
        if options.keep is not None:
            pathlib.Path(options.keep).mkdir(parents=True, exist_ok=True)
            return run(options, faults, options.keep)
        with tempfile.TemporaryDirectory(prefix="rondo-mutants-") as directory:
            return run(options, faults, directory)
    except RuntimeError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
