#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the stress of each build directory, one after the other.

    run.py [--seconds S] [--workers W] [--seed N] BUILD_DIR...
    run.py --close-reuse [--rounds N] [--seed N] BUILD_DIR...

The second form plays rounds of close-and-reuse on 1, 2 and 4 workers instead.

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
CLOSE_REUSE_SECONDS = 3600
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def ends_well(directory, program, arguments, limit):
    path = pathlib.Path(directory) / "tests" / "stress" / program
    if not path.exists():
        print(f"{directory}: no {program}; build first", file=sys.stderr)
        return False
    print(f"== {directory}", flush=True)
    try:
        done = subprocess.run([str(path), *arguments], env={**SANITIZER_ENV, **os.environ}, timeout=limit)
    except subprocess.TimeoutExpired:
        print(f"{directory}: no end after {limit} s")
        return False
    if done.returncode != 0:
        print(f"{directory}: {program} ended with {done.returncode}")
    return done.returncode == 0


def passes(directory, options):
    seed = ["--seed", str(options.seed)] if options.seed is not None else []
    if not options.close_reuse:
        arguments = ["--seconds", str(options.seconds), "--workers", str(options.workers), *seed]
        return ends_well(directory, "stress", arguments, options.seconds + GRACE_SECONDS)
    return all(ends_well(directory, "close_reuse", ["--rounds", str(options.rounds), "--workers", workers, *seed],
                         CLOSE_REUSE_SECONDS)
               for workers in ("1", "2", "4"))


def main():
    parser = argparse.ArgumentParser(description="runs the stress of each build directory")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--close-reuse", action="store_true")
    parser.add_argument("--rounds", type=int, default=1_000_000)
    parser.add_argument("directories", nargs="+", metavar="BUILD_DIR")
    options = parser.parse_args()
    failed = [directory for directory in options.directories if not passes(directory, options)]
    print("stress: " + (f"failed in {', '.join(failed)}" if failed else "passed"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
