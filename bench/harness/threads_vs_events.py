# SPDX-License-Identifier: Apache-2.0
"""`bench threads-vs-events`: knot beside the same server written with events, and beside other people's servers.

Four parts, each interleaved by the rules of rounds.py, with knot as the baseline of every ratio:
closed: rate, CPU, system calls and context switches a request, memory a connection, for each number of connections;
open: latencies of knot and the reactor at fractions of the slower one's peak, taken just before;
flat: each thread-or-event design at growing numbers of connections, in turns, so that the end can be compared with the
peak (rates of different minutes cannot: absolute times move);
still: what is counted without load, bytes on the wire and lines of code.
Rows carry a key; --add keeps the rows of earlier calls that this one does not measure, so that a long sweep can be
made in pieces. Verdicts are drawn from rows alone.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace

from . import load, report, rounds as rounds_of, stats, syscalls, web_report, web_sides, web_verdicts
from .host import two_cores

NAME = "threads-vs-events"
PARTS = ("closed", "open", "flat")
CONNECTIONS = [1, 10, 100, 1000, 10000, 15000]
QUICK_CONNECTIONS = [100]
FRACTIONS = (0.5, 0.7, 0.9)
QUICK_FRACTIONS = (0.7,)
OPEN_PAIR = ("knot", "reactor")
FLAT_SIDES = ("knot", "reactor", "http_epoll")
FLAT_FROM = 100
PEAK_PAIRS = 2
MEMORY_FROM = 1000
COOLDOWN = 3.0  # seconds in which a thread for each of many connections can be looked at
KEY = ("kind", "file", "connections", "active", "side", "fraction")


def key_of(row):
    return tuple(row.get(name) for name in KEY)


def plan_for(options, file, connections, root):
    extra = ["--proto", "http", "--path", f"/{file}.html", "--docroot", root]
    if options.active and options.active < connections:
        extra += ["--active", str(options.active)]
    server_core, client_core = two_cores_of(options)
    warmup = min(options.duration, 0.5) if connections < 5000 else 1.5
    return load.Plan(loadgen=f"{options.build}/bench/loadgen", connections=connections, duration=options.duration,
                     warmup=warmup, server_core=server_core, client_core=client_core, extra=tuple(extra))


def two_cores_of(options):
    if not hasattr(options, "cores"):
        options.cores = two_cores()
    return options.cores


def row_head(kind, options, file, connections, side):
    active = options.active if options.active and options.active < connections else None
    return {"bench": NAME, "kind": kind, "file": file, "connections": connections, "active": active, "side": side,
            "baseline": options.baseline, "duration_s": options.duration}


def count_run(plan, side):
    """Counts of a short run of its own, for counting costs time."""
    extra = (*plan.extra, "--cooldown", str(COOLDOWN if plan.connections >= 5000 else 0.5))
    run = load.run(replace(plan, duration=min(1.0, plan.duration), extra=extra), side, count=True)
    return {"syscalls_per_request": rounded(run.syscalls), "switches_per_request": rounded(run.switches),
            "threads": run.threads}


def count_runs(plan, sides, baseline):
    """{side name: counts}; a side that does not stand this load is left out of the row with one line."""
    counts = {}
    for side in sides:
        try:
            counts[side.name] = count_run(plan, side)
        except load.BenchError as error:
            if side.name == baseline:
                raise
            print(f"bench: left out of this row: {error}", file=sys.stderr)
    return counts


def expect(sides, connections):
    """Tells servers that size themselves by configuration what is coming."""
    for side in sides:
        side.expected = connections


def rounded(value, digits=4):
    return None if value is None else round(value, digits)


def memory_of(rounds, side, connections):
    if connections < MEMORY_FROM:
        return None
    return stats.spread([r[side].memory / connections for r in rounds])


def measure_closed(options, sides, root):
    for file in options.files:
        for connections in options.connections:
            plan = plan_for(options, file, connections, root)
            expect(sides, connections)
            counts = count_runs(plan, sides, options.baseline)
            able = [side for side in sides if side.name in counts]
            rounds = rounds_of.collect(plan, able, options.baseline, options.pairs)
            for side in able:
                yield (row_head("closed", options, file, connections, side.name) | counts[side.name]
                       | {"memory_per_connection": memory_of(rounds, side.name, connections)}
                       | rounds_of.figures(rounds, side.name, options.baseline, options.pairs))


def slower_peak(plan, pair, baseline):
    jobs = [(side.name, lambda side=side: load.run(plan, side)) for side in pair]
    rounds = rounds_of.interleave(jobs, baseline, PEAK_PAIRS)
    return min(stats.spread([r[side.name].rate for r in rounds])["median"] for side in pair)


def latency_ratios(rounds, side, baseline):
    kept = rounds_of.pairs(rounds, side, baseline)
    return {key: stats.ratio([(run.latency_us[key], base.latency_us[key]) for run, base in kept])
            for key in ("p50", "p99", "p999")}


def measure_open(options, sides, root):
    pair = [side for side in sides if side.name in OPEN_PAIR or side.name == options.baseline]
    if len(pair) < 2:
        return
    for file in options.files:
        for connections in options.connections:
            plan = plan_for(options, file, connections, root)
            peak = slower_peak(replace(plan, duration=min(1.0, plan.duration)), pair, options.baseline)
            for fraction in QUICK_FRACTIONS if options.quick else FRACTIONS:
                paced = replace(plan, rate=round(peak * fraction, 1))
                rounds = rounds_of.collect(paced, pair, options.baseline, options.pairs)
                for side in pair:
                    yield (row_head("open", options, file, connections, side.name)
                           | {"fraction": fraction, "offered_rate": paced.rate,
                              "latency_ratio": latency_ratios(rounds, side.name, options.baseline)}
                           | rounds_of.figures(rounds, side.name, options.baseline, options.pairs))


def measure_flat(options, sides, root):
    """Ratios are to the side's own run at the fewest connections of the round."""
    steps = [count for count in options.connections if count >= FLAT_FROM]
    if len(steps) < 2:
        return
    for file in options.files:
        for side in sides:
            if side.name not in FLAT_SIDES and side.name != options.baseline:
                continue
            plans = {count: plan_for(options, file, count, root) for count in steps}
            jobs = [(count, lambda plan=plan, side=side: load.run(plan, side)) for count, plan in plans.items()]
            rounds = rounds_of.interleave(jobs, steps[0], options.pairs)
            last = max(steps)
            for count in steps:
                figures = rounds_of.figures(rounds, count, steps[0], options.pairs)
                ends = [(r[last].rate, r[count].rate) for r in rounds
                        if all(run.others <= rounds_of.others_limit for run in (r[last], r[count]))]
                yield (row_head("flat", options, file, count, side.name) | figures
                       | {"last": last, "rate_of_last": stats.ratio(ends)})


MEASURE = {"closed": measure_closed, "open": measure_open, "flat": measure_flat}


def choose_sides(options, scratch):
    sides = web_sides.find_sides(options.build, scratch, {options.baseline, *options.sides})
    if options.baseline not in [side.name for side in sides]:
        raise load.BenchError(f"the baseline, {options.baseline}, is not there; --baseline names another side")
    if len(sides) < 2:
        raise load.BenchError("there is nothing to compare the baseline with")
    return sides


def prepare(options):
    quick = options.quick
    options.sides = options.sides or list(web_sides.SIDES)
    options.connections = options.connections or (QUICK_CONNECTIONS if quick else CONNECTIONS)
    options.files = options.files or (["1k"] if quick else list(web_sides.FILES))
    options.parts = options.parts or (["closed", "open"] if quick else list(PARTS))
    why_not = syscalls.unavailable()
    if why_not:
        print(f"bench: system calls are not counted: {why_not}", file=sys.stderr)
    os.sched_setaffinity(0, {two_cores_of(options)[1]})


def main(options):
    prepare(options)
    result = report.Result(NAME, options.build)
    with tempfile.TemporaryDirectory(prefix="rondo-bench-") as scratch:
        sides = choose_sides(options, scratch)
        root = os.path.join(scratch, "www")
        rows = web_sides.level_wire(sides, options.baseline, options.files, options.cores[0])
        rows += web_sides.lines_rows(options.top)
        for part in options.parts:
            rows.extend(MEASURE[part](options, sides, root))
    measured = {key_of(row) for row in rows}
    kept = [row for row in result.earlier() if key_of(row) not in measured] if options.add else []
    result.rows = kept + rows
    verdicts = web_verdicts.judge(result.rows, options)
    result.write(verdicts)
    web_report.write(result)
    draw(options, result.path)
    return verdicts.print()


def draw(options, path):
    figure = path.removesuffix(".json") + ".svg"
    program = os.path.join(options.top, "bench", "plot_threads_vs_events.py")
    if subprocess.run([program, path, figure]).returncode == 0:
        print(f"written to {figure}", file=sys.stderr)
