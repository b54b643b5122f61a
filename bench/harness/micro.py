# SPDX-License-Identifier: Apache-2.0
"""`bench switch|spawn|mutex|memory`: runs one program of bench/micro several times on one core, each run with both
peers interleaved inside it, and judges the median of the runs' ratios."""

import json
import os
import subprocess

from . import host, load, report, stats

KIB = 1024
RATIO_TARGETS = {"switch": (3.0, "rondo_yield / jump_fcontext, a switch"),
                 "spawn": (1 / 20, "create and join of an empty thread, rondo / NPTL"),
                 "mutex": (1.0, "uncontended lock and unlock, rondo / NPTL")}
MEMORY_TARGETS = ((256 * KIB, 5 * KIB, "bytes a parked thread, 256 KB stacks"),
                  (0, 13 * KIB, "bytes a parked thread, default stacks"))
SECONDS = 120


def run_program(options, name, *arguments):
    core, _ = host.two_cores()
    command = [f"{options.build}/bench/bench_{name}", *arguments]
    if not os.access(command[0], os.X_OK):
        raise load.BenchError(f"{command[0]} is not built")
    environment = host.clean_environment({"RONDO_WORKERS": "1", "RONDO_IO": "epoll"})
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=SECONDS,
                          preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode != 0:
        raise load.BenchError(f"{' '.join(command)} ended with status {done.returncode}")
    return json.loads(done.stdout)


def run_ratio(options, name, result, verdicts):
    limit, target = RATIO_TARGETS[name]
    rows = [run_program(options, name) for _ in range(options.runs)]
    result.rows.extend(rows)
    peer = next(key for key in rows[0] if key in ("jump_fcontext", "nptl"))
    ratio = stats.ratio([(row["rondo"]["median"], row[peer]["median"]) for row in rows])
    medians = [stats.spread([row[key]["median"] for row in rows])["median"] for key in ("rondo", peer)]
    verdicts.at_most(target, ratio["median"], limit,
                     f"{stats.show_ratio(ratio)}; {medians[0]:.1f} ns and {medians[1]:.1f} ns; {len(rows)} runs")


def run_memory(options, result, verdicts):
    for stack, limit, target in MEMORY_TARGETS:
        rows = [run_program(options, "memory", *([str(stack)] if stack else [])) for _ in range(options.runs)]
        result.rows.extend(rows)
        total = stats.spread([row["total"] for row in rows])
        verdicts.at_most(target, total["median"], limit,
                         f"{total['median']:.0f}, of which page tables {rows[0]['page_tables']:.0f}; {len(rows)} runs")


def main(options):
    result, verdicts = report.Result(options.name, options.build), report.Verdicts()
    if options.name == "memory":
        run_memory(options, result, verdicts)
    else:
        run_ratio(options, options.name, result, verdicts)
    result.write(verdicts)
    return verdicts.print()
