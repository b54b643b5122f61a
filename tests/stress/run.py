#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the stress of each build directory, one after the other.

    run.py [--seconds S] [--workers W] [--seed N] BUILD_DIR...

Sanitizers stop at their first report. A run that does not end on time is killed and fails. The seed is printed by the
stress itself; with --seed a failure can be tried again, though the kernel's scheduling is not repeated.
Exit 0: nothing was lost in any of them.
"""
import argparse
import os
import pathlib
import subprocess
import sys

GRACE_SECONDS = 90
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def passes(directory, options):
    program = pathlib.Path(directory) / "tests" / "stress" / "stress"
    if not program.exists():
        print(f"{directory}: no stress program; build first", file=sys.stderr)
        return False
    command = [str(program), "--seconds", str(options.seconds), "--workers", str(options.workers)]
    if options.seed is not None:
        command += ["--seed", str(options.seed)]
    print(f"== {directory}", flush=True)
    try:
        done = subprocess.run(command, env={**SANITIZER_ENV, **os.environ}, timeout=options.seconds + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"{directory}: no end after {options.seconds + GRACE_SECONDS} s")
        return False
    if done.returncode != 0:
        print(f"{directory}: the stress ended with {done.returncode}")
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description="runs the stress of each build directory")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("directories", nargs="+", metavar="BUILD_DIR")
    options = parser.parse_args()
    failed = [directory for directory in options.directories if not passes(directory, options)]
    print("stress: " + (f"failed in {', '.join(failed)}" if failed else "passed"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
