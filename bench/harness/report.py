# SPDX-License-Identifier: Apache-2.0
"""Where figures go: JSON lines on stdout and in build/bench/NAME.json, a table and the verdicts on stderr."""

import json
import os
import sys

from .stats import show_ratio


class Verdicts:
    """Targets and whether they hold: ok, MISSED, or unknown when there was no undisturbed measurement."""

    def __init__(self):
        self.entries = []

    def add(self, target, holds, detail=""):
        self.entries.append({"target": target, "holds": holds, "detail": detail})

    def at_most(self, target, value, limit, detail=None):
        shown = detail if detail is not None else "not measured" if value is None else f"{value:g}"
        self.add(f"{target}: at most {limit:g}", None if value is None else value <= limit, shown)

    def print(self):
        """Prints one line each; returns the exit status: 0 only when all hold."""
        for entry in self.entries:
            word = {True: "ok     ", False: "MISSED ", None: "unknown"}[entry["holds"]]
            print(f"{word} {entry['target']}  ({entry['detail']})", file=sys.stderr)
        return 0 if all(entry["holds"] for entry in self.entries) else 1


class Result:
    def __init__(self, name, build):
        self.path = os.path.join(build, "bench", f"{name}.json")
        self.rows = []

    def earlier(self):
        """The rows, without verdicts, that the last call left."""
        try:
            with open(self.path) as file:
                return [row for row in map(json.loads, file) if "verdict" not in row]
        except FileNotFoundError:
            return []

    def write(self, verdicts):
        lines = [json.dumps(row) for row in self.rows + [{"verdict": entry} for entry in verdicts.entries]]
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, "w") as file:
            file.write("\n".join(lines) + "\n")
        print("\n".join(lines))
        print(f"written to {self.path}", file=sys.stderr)


def middle(row, key, scale=1.0, form="{:.2f}"):
    return form.format(row[key]["median"] * scale) if row[key] else "-"


def print_echo_table(rows):
    form = "{:>6} {:<9} {:>10} {:>8} {:>7} {:>7} {:>22} {:>22} {:>9}  {}"
    print(form.format("conns", "side", "requests/s", "CPU us", "server", "client", "CPU / epoll", "rate / epoll",
                      "calls/req", "pairs"), file=sys.stderr)
    for row in rows:
        calls = row["syscalls_per_request"]
        note = f"{row['pairs']} kept, {row['dropped']} dropped" + (", client-limited" if row["client_limited"] else "")
        print(form.format(row["connections"], row["side"], middle(row, "rate", form="{:.0f}"),
                          middle(row, "cpu_us_per_request"), middle(row, "server_core_busy", 100, "{:.0f} %"),
                          middle(row, "client_core_busy", 100, "{:.0f} %"), show_ratio(row["cpu_ratio"]),
                          show_ratio(row["rate_ratio"]), "-" if calls is None else f"{calls:.2f}", note),
              file=sys.stderr)
        if "latency_us" in row:
            shown = ", ".join(f"{key} {value['median']:.0f}" for key, value in row["latency_us"].items())
            print(f"{'':>16} latency us: {shown}", file=sys.stderr)
