#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one benchmark: `./dev bench NAME [options]`. The rules are in docs/benchmarks.md.

JSON lines go to stdout and to BUILD/bench/NAME.json; table and verdicts go to stderr. Exit status: 0 every target
holds, 1 one is missed or could not be measured undisturbed, 2 the command line is wrong.
"""

import argparse
import os
import resource
import sys

from harness import echo, micro
from harness.load import BenchError

QUICK_PAIRS, QUICK_SECONDS, QUICK_RUNS = 3, 1.0, 2


def read_options():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["echo", "switch", "spawn", "mutex", "memory"])
    parser.add_argument("--quick", action="store_true", help="few and short runs: does it work, not how fast is it")
    parser.add_argument("--build", default=os.path.join(top, "build"), help="build directory (build)")
    parser.add_argument("--pairs", type=int, help="echo: undisturbed pairs a row (9)")
    parser.add_argument("--duration", type=float, help="echo: measured seconds a run (2)")
    parser.add_argument("--connections", default="1,100,1000", help="echo: rows to measure (1,100,1000)")
    parser.add_argument("--sides", default="", help="echo: only these beside epoll, e.g. rondo,nptl")
    parser.add_argument("--rate", type=float, default=0.0, help="echo: open loop at this rate, with latencies")
    parser.add_argument("--runs", type=int, help="micro benchmarks: runs of the program (7)")
    options = parser.parse_args()
    options.pairs = options.pairs or (QUICK_PAIRS if options.quick else 9)
    options.duration = options.duration or (QUICK_SECONDS if options.quick else 2.0)
    options.runs = options.runs or (QUICK_RUNS if options.quick else 7)
    options.sides = [side for side in options.sides.split(",") if side]
    try:
        options.connections = [int(text) for text in options.connections.split(",")]
    except ValueError:
        parser.error(f"--connections: not a list of numbers: {options.connections}")
    return options


def main():
    options = read_options()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return (echo if options.name == "echo" else micro).main(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
