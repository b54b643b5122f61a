#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws BUILD/bench/threads-vs-events.json: `bench/plot_threads_vs_events.py JSON OUTPUT.svg`.

One row of panels a file: rate and CPU a request against the number of connections, context switches a request, and p99
against the offered load where the open loop was measured. Whiskers are the smallest and the largest kept run. A program
of its own, so that a figure can be drawn again without measuring again. Needs python3-matplotlib, hence Debian's python3.
"""

import json
import sys

COLOURS = {"knot": "#c1272d", "knot-nptl": "#e8a33d", "reactor": "#1f5fa8", "staged": "#4d8f5b", "http_epoll": "#555555",
           "nginx": "#7a4fa3", "h2o": "#3aa6a6", "lighttpd": "#b86fa0", "apache": "#8a6d4b", "proactor": "#6fa8dc"}
OURS = ("knot", "reactor")


def load_rows(path):
    with open(path) as file:
        return [row for row in map(json.loads, file) if "verdict" not in row]


def style(side):
    ours = side in OURS
    return {"color": COLOURS.get(side, "#000000"), "label": side, "linewidth": 2.0 if ours else 1.0,
            "marker": "o" if ours else ".", "markersize": 5 if ours else 4, "zorder": 3 if ours else 2}


def spread_line(axes, points, side):
    points = sorted((x, value) for x, value in points if value)
    if not points:
        return
    middle = [value["median"] for _, value in points]
    whiskers = [[value["median"] - value["min"] for _, value in points],
                [value["max"] - value["median"] for _, value in points]]
    axes.errorbar([x for x, _ in points], middle, yerr=whiskers, elinewidth=0.6, capsize=1.5, **style(side))


def sides_of(rows):
    return list(dict.fromkeys(row["side"] for row in rows))


def connections_panel(axes, rows, key, title):
    for side in sides_of(rows):
        spread_line(axes, [(row["connections"], row[key]) for row in rows if row["side"] == side], side)
    axes.set(xscale="log", xlabel="connections", title=title, ylim=(0, None))


def switches_panel(axes, rows):
    for side in sides_of(rows):
        points = sorted((row["connections"], row["switches_per_request"]) for row in rows
                        if row["side"] == side and row["switches_per_request"])
        axes.plot([x for x, _ in points], [y for _, y in points], **style(side))
    axes.set(xscale="log", yscale="log", xlabel="connections", title="kernel context switches a request")


def latency_panel(axes, rows):
    """p99 at the highest load against connections would hide the approach to it: one line a side and count."""
    shapes = ("-", "--", "-.", ":")
    counts = sorted({row["connections"] for row in rows})
    for side in sides_of(rows):
        for shape, count in zip(shapes, counts[-len(shapes):]):
            points = sorted((row["fraction"] * 100, row["latency_us"]["p99"]["median"]) for row in rows
                            if (row["side"], row["connections"]) == (side, count) and row.get("latency_us"))
            look = style(side) | {"linestyle": shape, "label": f"{side}, {count:,}"}
            axes.plot([x for x, _ in points], [y for _, y in points], **look)
    axes.set(yscale="log", xlabel="offered load, % of the slower one's peak", title="p99, µs (open loop)")
    axes.legend(fontsize=6, frameon=False)


def draw(rows, path):
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams.update({"font.size": 8, "svg.hashsalt": "rondo", "svg.fonttype": "none",
                                "axes.spines.top": False, "axes.spines.right": False})
    closed = [row for row in rows if row["kind"] == "closed" and not row["active"]]
    files = list(dict.fromkeys(row["file"] for row in closed))
    figure, grid = pyplot.subplots(len(files), 4, figsize=(15, 3.6 * len(files)), squeeze=False)
    for line, file in zip(grid, files):
        here = [row for row in closed if row["file"] == file]
        connections_panel(line[0], here, "rate", f"{file}: requests a second, one core")
        connections_panel(line[1], here, "cpu_us_per_request", "server CPU a request, µs")
        switches_panel(line[2], here)
        paced = [row for row in rows if row["kind"] == "open" and row["file"] == file and not row["active"]]
        if paced:
            latency_panel(line[3], paced)
        else:
            line[3].axis("off")
        if line[0].get_legend_handles_labels()[0]:
            line[0].legend(fontsize=6, frameon=False, ncol=2)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    if len(sys.argv) != 3:
        print(f"usage: {sys.argv[0]} JSON OUTPUT.svg", file=sys.stderr)
        return 2
    try:
        rows = load_rows(sys.argv[1])
        draw(rows, sys.argv[2])
    except FileNotFoundError as error:
        print(f"plot: {error.filename}: no such file", file=sys.stderr)
        return 1
    except ImportError:
        print("plot: python3-matplotlib is not installed: no figure", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
