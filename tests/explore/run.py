#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plays many seeds over the runtime's scenarios, on all processors.

    run.py [--seeds N] [--first SEED] BUILD_DIR...

Exit 0: none failed. A failure is told with its seed and the command that repeats it.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def passes(directory, options):
    program = pathlib.Path(directory) / "tests" / "explore" / "explore"
    if not program.exists():
        print(f"{directory}: no {program}; build first", file=sys.stderr)
        return False
    print(f"== {directory}", flush=True)
    begin = time.monotonic()
    seeds = f"{options.first}-{options.first + options.seeds - 1}"
    jobs = str(len(os.sched_getaffinity(0)))
    done = subprocess.run([str(program), "--progress", "--jobs", jobs, seeds], env={**SANITIZER_ENV, **os.environ})
    print(f"{directory}: {time.monotonic() - begin:.0f} s", flush=True)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description="plays many seeds over the runtime's scenarios")
    parser.add_argument("--seeds", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("directories", nargs="+", metavar="BUILD_DIR")
    options = parser.parse_args()
    failed = [directory for directory in options.directories if not passes(directory, options)]
    print("explore: " + (f"failed in {', '.join(failed)}" if failed else "passed"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
