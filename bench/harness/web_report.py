# SPDX-License-Identifier: Apache-2.0
"""Markdown tables of `bench threads-vs-events`: on stderr, and beside the JSON."""

import sys

from .report import middle
from .stats import show_ratio

CLOSED = ("connections", "side", "requests/s", "CPU µs", "CPU / {0}", "rate / {0}", "calls", "switches", "bytes/conn.",
          "threads", "server core", "generator core", "pairs")
OPEN = ("connections", "load", "side", "offered/s", "p50 µs", "p99 µs", "p99.9 µs", "p99 / {0}", "generator core", "pairs")
FLAT = ("side", "connections", "requests/s", "CPU µs", "last / this", "generator core", "pairs")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows] + [""]


def number(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def kept(row):
    return f"{row['pairs']} kept, {row['dropped']} dropped"


def busy(row, core):
    return middle(row, f"{core}_core_busy", 100, "{:.0f} %")


def closed_cells(row):
    memory = row["memory_per_connection"]
    return (row["connections"], row["side"], middle(row, "rate", form="{:.0f}"), middle(row, "cpu_us_per_request"),
            show_ratio(row["cpu_ratio"]), show_ratio(row["rate_ratio"]), number(row["syscalls_per_request"]),
            number(row["switches_per_request"], "{:.3f}"), number(memory and memory["median"], "{:.0f}"),
            row["threads"], busy(row, "server"), busy(row, "client"), kept(row))


def open_cells(row):
    latency = row.get("latency_us")
    shown = [f"{latency[key]['median']:.0f}" if latency else "-" for key in ("p50", "p99", "p999")]
    return (row["connections"], f"{row['fraction']:.0%}", row["side"], f"{row['offered_rate']:.0f}", *shown,
            show_ratio(row["latency_ratio"]["p99"]), busy(row, "client"), kept(row))


def flat_cells(row):
    return (row["side"], row["connections"], middle(row, "rate", form="{:.0f}"), middle(row, "cpu_us_per_request"),
            show_ratio(row["rate_of_last"]), busy(row, "client"), kept(row))


def still_lines(rows):
    lines = []
    wire = [row for row in rows if row["kind"] == "wire"]
    if wire:
        lines += ["## On the wire", "", *table(("file", "side", "bytes", "to baseline", "padding", "headers it lacks"), [
            (row["file"], row["side"], row["bytes"], f"{row['ratio']:.3f}", row["padding"], ", ".join(row["lacks"]) or "none")
            for row in wire])]
    counted = [row for row in rows if row["kind"] == "lines"]
    if counted:
        lines += ["## Lines of code", "", *table(("side", "lines", "files"), [
            (row["side"], row["lines"], ", ".join(row["files"])) for row in counted])]
    return lines


def markdown(rows):
    lines = ["# Threads against events", ""]
    titles = (("closed", CLOSED, closed_cells, "closed loop"), ("open", OPEN, open_cells, "open loop"),
              ("flat", FLAT, flat_cells, "in turns over connections"))
    for kind, head, cells, title in titles:
        chosen = [row for row in rows if row["kind"] == kind]
        for file, active in dict.fromkeys((row["file"], row["active"] or 0) for row in chosen):
            here = [row for row in chosen if (row["file"], row["active"] or 0) == (file, active)]
            lines += [f"## {file}, {title}" + (f", {active} connections active" if active else ""), ""]
            lines += table([cell.format(here[0]["baseline"]) for cell in head],
                           [cells(row) for row in sorted(here, key=lambda row: row["connections"] if kind != "flat" else 0)])
    return "\n".join(lines + still_lines(rows))


def write(result):
    text = markdown(result.rows)
    path = result.path.removesuffix(".json") + ".md"
    with open(path, "w") as file:
        file.write(text)
    print(text, file=sys.stderr)
    print(f"written to {path}", file=sys.stderr)
