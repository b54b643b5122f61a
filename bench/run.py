#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one benchmark: `./dev bench NAME [options]`. The rules are in docs/benchmarks.md.

JSON lines go to stdout and to BUILD/bench/NAME.json; table and verdicts go to stderr. Exit status: 0 every target
holds, 1 one is missed or could not be measured undisturbed, 2 the command line is wrong.
"""

import argparse
import os
import resource
import signal
import sys

from harness import echo, micro, rounds, threads_vs_events, web_sides
from harness.load import BenchError

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUICK_PAIRS, QUICK_SECONDS, QUICK_RUNS = 3, 1.0, 2
QUICK_WEB = (2, 0.5)  # many sides


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def positive_seconds(text):
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError("must be between 0 and 3600 seconds")
    return value


def percent(text):
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError("must be above 0 and at most 100")
    return value


def list_of(item, known=None):
    """An argument type: words between commas."""
    def read(text):
        try:
            values = [item(word.strip()) for word in text.split(",")]
        except (ValueError, argparse.ArgumentTypeError):
            raise argparse.ArgumentTypeError(f"not a list of {'numbers from 1 up' if item is positive else 'words'}: {text}")
        unknown = [value for value in values if known and value not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no such thing: {', '.join(unknown)} (there are: {', '.join(known)})")
        return values
    return read


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["echo", "threads-vs-events", "switch", "spawn", "mutex", "memory"])
    parser.add_argument("--quick", action="store_true", help="few and short runs: does it work, not how fast is it")
    parser.add_argument("--build", default=os.path.join(TOP, "build"), help="build directory (build)")
    parser.add_argument("--runs", type=positive, help="micro benchmarks: runs of the program (7)")
    servers = parser.add_argument_group("echo and threads-vs-events")
    servers.add_argument("--pairs", type=positive, help="undisturbed pairs a row (9)")
    servers.add_argument("--duration", type=positive_seconds, help="measured seconds a run (2)")
    servers.add_argument("--connections", type=list_of(positive),
                         help="rows to measure (1,100,1000; threads-vs-events 1,10,100,1000,10000,15000)")
    servers.add_argument("--sides", type=list_of(str), help="only these beside the baseline, e.g. rondo,nptl or reactor,nginx")
    servers.add_argument("--others", type=percent, default=3.0,
                         help="drop pairs in which other programs used more of a core than so many %% (3)")
    servers.add_argument("--rate", type=float, default=0.0, help="echo: open loop at this rate, with latencies")
    web = parser.add_argument_group("threads-vs-events")
    web.add_argument("--files", type=list_of(str, list(web_sides.FILES)), help="sizes to serve (1k,100k)")
    web.add_argument("--parts", type=list_of(str, threads_vs_events.PARTS), help="what to measure (closed,open,flat)")
    web.add_argument("--active", type=positive, help="how many of the connections send requests (all)")
    web.add_argument("--baseline", default=web_sides.BASELINE, help="the side that ratios are to (knot)")
    web.add_argument("--add", action="store_true", help="keep the earlier rows that this call does not measure anew")
    return parser


def read_options():
    parser = arguments()
    options = parser.parse_args()
    options.top, options.build = TOP, os.path.abspath(options.build)
    quick_pairs, quick_seconds = QUICK_WEB if options.name == "threads-vs-events" else (QUICK_PAIRS, QUICK_SECONDS)
    options.pairs = options.pairs or (quick_pairs if options.quick else 9)
    options.duration = options.duration or (quick_seconds if options.quick else 2.0)
    options.runs = options.runs or (QUICK_RUNS if options.quick else 7)
    known = (*web_sides.SIDES, *web_sides.ASKED_SIDES) if options.name == "threads-vs-events" else echo.SIDES
    unknown = [side for side in options.sides or [] if side not in known]
    if options.name in ("echo", "threads-vs-events") and unknown:
        parser.error(f"--sides: no such side: {', '.join(unknown)} (there are: {', '.join(known)})")
    return options


def main():
    options = read_options()
    rounds.others_limit = options.others / 100
    # Servers and generators are stopped on the way out, also when somebody ends the benchmark.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        benchmark = {"echo": echo, "threads-vs-events": threads_vs_events}.get(options.name, micro)
        return benchmark.main(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
