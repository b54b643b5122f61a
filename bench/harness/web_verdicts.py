# SPDX-License-Identifier: Apache-2.0
"""The targets of `bench threads-vs-events`, drawn from its rows.

A row's ratio is its side over knot; most targets speak of knot over the side, so the ratio and its interval are turned
over. A target is judged when its side was asked for and its row's connections were measured; without undisturbed
pairs it is unknown, never ok.
"""

from . import report, stats

FASTER_THAN = ("nginx", "h2o", "lighttpd")
AHEAD_OF = ("knot-nptl", "staged")
CPU_CONNECTIONS = (100, 1000)
TWIN_CONNECTIONS = (100, 1000, 10000, 15000)
FLOOR_CPU = 1.20
TWIN_RATE = 0.97
TWIN_P99 = 1.10
FLAT_RATE = 0.95
FLAT_LAST = 15000


def turned(ratio):
    if not ratio:
        return None
    return {"median": round(1 / ratio["median"], 4), "low": round(1 / ratio["high"], 4),
            "high": round(1 / ratio["low"], 4)}


def detail(ratio, row=None):
    limited = ", client-limited" if row and row.get("client_limited") else ""
    few = "" if row is None or row["enough"] else f", only {row['pairs']} undisturbed pairs"
    return stats.show_ratio(ratio) + limited + few if ratio else "not measured"


def judge_peers(verdicts, row):
    file, count, side = row["file"], row["connections"], row["side"]
    ratio = turned(row["cpu_ratio"])
    where = f"{file}, {count} connections"
    if side == "http_epoll" and file == "1k":
        verdicts.add(f"knot/http_epoll CPU a request at most {FLOOR_CPU:g}, {where}",
                     ratio and ratio["median"] <= FLOOR_CPU, detail(ratio, row))
    if side in FASTER_THAN and file == "1k":
        verdicts.add(f"knot/{side} CPU a request below 1, {where}", ratio and ratio["median"] < 1, detail(ratio, row))
    if side in FASTER_THAN and file != "1k":
        verdicts.add(f"knot/{side} CPU a request level (interval reaches 1), {where}", ratio and ratio["low"] <= 1,
                     detail(ratio, row))


def judge_twins(verdicts, row):
    where = f"{row['file']}, {row['connections']} connections"
    ratio = turned(row["rate_ratio"])
    if row["side"] == "reactor":
        verdicts.add(f"knot/reactor rate at least {TWIN_RATE:g}, {where}", ratio and ratio["median"] >= TWIN_RATE,
                     detail(ratio, row))
    if row["side"] in AHEAD_OF:
        verdicts.add(f"knot/{row['side']} rate above 1, {where}", ratio and ratio["median"] > 1, detail(ratio, row))


def judge_latency(verdicts, row):
    ratio = turned(row["latency_ratio"]["p99"])
    verdicts.add(f"knot/reactor p99 at most {TWIN_P99:g}, {row['file']}, {row['connections']} connections, "
                 f"{row['fraction']:.0%} load", ratio and ratio["median"] <= TWIN_P99, detail(ratio, row))


def judge_flat(verdicts, rows):
    """Against the number of connections whose rate was highest."""
    measured = [row for row in rows if row["rate_of_last"] and row["rate"]]
    if not measured or measured[0]["last"] != FLAT_LAST:
        return
    best = max(measured, key=lambda row: row["rate"]["median"])
    ratio = best["rate_of_last"]
    verdicts.add(f"{best['side']}: rate at {FLAT_LAST} connections at least {FLAT_RATE:g} of the peak, {best['file']}",
                 ratio["median"] >= FLAT_RATE, f"{detail(ratio, best)}; the peak is at {best['connections']}")


def judge_wire(verdicts, rows):
    wrong = [f"{row['side']} {row['file']} {row['ratio']:.3f}" for row in rows if not row["within"]]
    if rows:
        verdicts.add("bytes on the wire within 5 % of the baseline's", not wrong, ", ".join(wrong) or "every side")


def of_kind(rows, kind, baseline="knot"):
    return [row for row in rows if row["kind"] == kind and row.get("baseline", baseline) == baseline
            and not row.get("active")]


def judge_absent(verdicts, rows, options):
    """A side that was asked for and is not in the table leaves its targets open."""
    present = {row["side"] for row in rows}
    for side in options.sides:
        if side in (*FASTER_THAN, *AHEAD_OF, "http_epoll", "reactor") and side not in present:
            verdicts.add(f"knot against {side}", None, "not there")


def judge(rows, options):
    verdicts = report.Verdicts()
    judge_wire(verdicts, of_kind(rows, "wire"))
    if options.baseline != "knot":
        return verdicts
    closed = of_kind(rows, "closed")
    for row in closed:
        if row["connections"] in CPU_CONNECTIONS:
            judge_peers(verdicts, row)
        if row["file"] == "1k" and row["connections"] in TWIN_CONNECTIONS:
            judge_twins(verdicts, row)
    for row in of_kind(rows, "open"):
        if row["side"] == "reactor" and row["connections"] in TWIN_CONNECTIONS and row["file"] == "1k":
            judge_latency(verdicts, row)
    flat = of_kind(rows, "flat")
    judge_flat(verdicts, [row for row in flat if row["side"] == "knot" and row["file"] == "1k"])
    if "closed" in options.parts:
        judge_absent(verdicts, closed, options)
    return verdicts
