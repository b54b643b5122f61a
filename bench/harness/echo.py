# SPDX-License-Identifier: Apache-2.0
"""`bench echo`: one thread-per-connection source file, native and under rondo, beside the event loops.

Sides, targets and the checks of the baseline; how rounds and pairs are made is in rounds.py.
"""

import os
import sys

from . import load, report, rounds as rounds_of, stats, syscalls
from .host import two_cores
from .load import Side

BASELINE = "epoll"
SIDES = ("epoll", "libevent", "rondo", "nptl")
CONNECTIONS = [1, 100, 1000]
TARGET_CONNECTIONS = (100, 1000)
TARGET_CPU_RATIO = 1.10
TARGET_SYSCALLS = 2.2
BASELINE_SYSCALLS = 2.1


def sides_of(build):
    threads = f"{build}/docs/examples/echo"
    known = [Side("epoll", [f"{build}/bench/echo_epoll"]),
             Side("libevent", [f"{build}/bench/echo_libevent"]),
             Side("rondo", [f"{build}/syscall_shim/rondo", threads], {"RONDO_WORKERS": "1", "RONDO_IO": "epoll"}),
             Side("nptl", [threads])]
    found = []
    for side in known:
        missing = [path for path in side.command if not os.access(path, os.X_OK)]
        if missing:
            print(f"bench: side {side.name} is left out: {missing[0]} is not built", file=sys.stderr)
        else:
            found.append(side)
    return found


def make_row(plan, side, rounds, wanted, calls):
    row = {"bench": "echo", "connections": plan.connections, "side": side.name, "duration_s": plan.duration,
           "offered_rate": plan.rate or None, "syscalls_per_request": calls}
    return row | rounds_of.figures(rounds, side.name, BASELINE, wanted)


def rate_ratio(rounds, side, other):
    """Rate of one side over another's, paired by round, under the same rule for dropping."""
    return stats.ratio([(run.rate, base.rate) for run, base in rounds_of.pairs(rounds, side, other)])


def count_calls(plan, sides, countable):
    if not countable:
        return {side.name: None for side in sides}
    short = load.Plan(**{**vars(plan), "duration": 1.0, "warmup": max(plan.warmup, 1.5)})
    runs = {side.name: load.run(short, side, count=True) for side in sides}
    return {name: None if run.syscalls is None else round(run.syscalls, 3) for name, run in runs.items()}


def check_baseline(row, libevent, verdicts):
    calls = row["syscalls_per_request"]
    where = f"{row['connections']} connections"
    verdicts.at_most(f"baseline: system calls a request of the epoll loop, {where}", calls, BASELINE_SYSCALLS)
    if libevent and libevent["cpu_ratio"]:
        verdicts.add(f"baseline: the epoll loop is no slower than libevent, {where}",
                     libevent["cpu_ratio"]["high"] >= 1.0, f"libevent/epoll {stats.show_ratio(libevent['cpu_ratio'])}")
    else:
        verdicts.add(f"baseline: the epoll loop is no slower than libevent, {where}", None, "not measured")


def judge(rows, rounds, connections, closed, verdicts):
    by_side = {row["side"]: row for row in rows}
    for row in rows:
        if not row["enough"]:
            verdicts.add(f"{row['side']}, {connections} connections: enough undisturbed pairs", None,
                         f"{row['pairs']} kept, {row['dropped']} dropped")
    if not closed:
        return
    if connections in TARGET_CONNECTIONS:
        check_baseline(by_side[BASELINE], by_side.get("libevent"), verdicts)
    rondo = by_side.get("rondo")
    if rondo is None:
        return
    if connections in TARGET_CONNECTIONS:
        ratio = rondo["cpu_ratio"]
        verdicts.at_most(f"rondo/epoll CPU a request, {connections} connections", ratio and ratio["median"],
                         TARGET_CPU_RATIO, stats.show_ratio(ratio))
        verdicts.at_most(f"rondo: system calls a request, {connections} connections",
                         rondo["syscalls_per_request"], TARGET_SYSCALLS)
    over = rate_ratio(rounds, "rondo", "nptl")
    verdicts.add(f"rondo/nptl rate above 1, {connections} connections", over and over["median"] > 1.0,
                 stats.show_ratio(over))


def main(options):
    sides = sides_of(options.build)
    if options.sides:
        sides = [side for side in sides if side.name in (BASELINE, *options.sides)]
    if BASELINE not in [side.name for side in sides]:
        raise load.BenchError("the baseline is not built")
    why_not = syscalls.unavailable()
    if why_not:
        print(f"bench: system calls are not counted: {why_not}", file=sys.stderr)
    server_core, client_core = two_cores()
    os.sched_setaffinity(0, {client_core})
    result, verdicts = report.Result("echo", options.build), report.Verdicts()
    for connections in options.connections or CONNECTIONS:
        plan = load.Plan(loadgen=f"{options.build}/bench/loadgen", connections=connections,
                         duration=options.duration, warmup=max(0.5, connections / 10000), rate=options.rate,
                         server_core=server_core, client_core=client_core)
        calls = count_calls(plan, sides, not why_not)
        rounds = rounds_of.collect(plan, sides, BASELINE, options.pairs)
        rows = [make_row(plan, side, rounds, options.pairs, calls[side.name]) for side in sides]
        result.rows.extend(rows)
        judge(rows, rounds, connections, not options.rate, verdicts)
    result.write(verdicts)
    report.print_echo_table(result.rows)
    return verdicts.print()
