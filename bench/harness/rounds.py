# SPDX-License-Identifier: Apache-2.0
"""Interleaved rounds, the rule for dropping, and what a row says of one side.

A round runs every side once, in an order that turns from round to round; a side's pair is its run and the
baseline's run of that round. Rule for dropping, fixed beforehand: when in either half somebody else used more than
3 % of a core (--others says another limit, which rows then tell), the pair goes, both halves together, and is counted.
Rounds go on until each side has the wanted number of pairs, at most three times that number of rounds.
"""

import sys

from . import load, stats

others_limit = 0.03  # set once, by the command line
CLIENT_LIMIT = 0.90
ROUNDS_FACTOR = 3


def keep(run, baseline):
    return max(run.others, baseline.others) <= others_limit


def pairs(rounds, side, baseline):
    """The kept (run of the side, run of the baseline) of rounds that have both."""
    return [(r[side], r[baseline]) for r in rounds if side in r and baseline in r and keep(r[side], r[baseline])]


def interleave(jobs, baseline, wanted):
    """Rounds of {name: Run}: jobs is [(name, function that makes one run)]."""
    rounds = []
    while len(rounds) < wanted * ROUNDS_FACTOR:
        turn = len(rounds) % len(jobs)
        rounds.append({name: make() for name, make in jobs[turn:] + jobs[:turn]})
        if min(len(pairs(rounds, name, baseline)) for name, _ in jobs) >= wanted:
            break
    return rounds


def collect(plan, sides, baseline, wanted):
    """Rounds of {side name: Run} until every side has `wanted` kept pairs, or the limit is reached."""
    jobs = [(side.name, lambda side=side: load.run(plan, side)) for side in sides]
    rounds = interleave(jobs, baseline, wanted)
    kept = min(len(pairs(rounds, side.name, baseline)) for side in sides)
    print(f"{plan.connections} connections: {len(rounds)} rounds, pairs kept {kept} of {wanted}", file=sys.stderr)
    return rounds


def figures(rounds, side, baseline, wanted):
    """What a row says of one side: medians and spreads of the kept runs, ratios to the baseline."""
    kept = pairs(rounds, side, baseline)
    runs = [run for run, _ in kept]
    client_busy = stats.spread([run.client_busy for run in runs])
    row = {"pairs": len(kept), "dropped": len(rounds) - len(kept), "enough": len(kept) >= wanted,
           "cpu_us_per_request": stats.spread([run.cpu_us for run in runs]),
           "rate": stats.spread([run.rate for run in runs]),
           "server_core_busy": stats.spread([run.server_busy for run in runs]),
           "client_core_busy": client_busy,
           "client_limited": bool(client_busy and client_busy["median"] > CLIENT_LIMIT),
           "others": stats.spread([r[side].others for r in rounds]), "others_limit": others_limit,
           "cpu_ratio": stats.ratio([(run.cpu_us, base.cpu_us) for run, base in kept]),
           "rate_ratio": stats.ratio([(run.rate, base.rate) for run, base in kept])}
    latencies = [run.latency_us for run in runs if run.latency_us]
    if latencies:
        row["latency_us"] = {key: stats.spread([x[key] for x in latencies]) for key in ("p50", "p99", "p999")}
    return row
