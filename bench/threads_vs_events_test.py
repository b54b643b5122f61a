# SPDX-License-Identifier: Apache-2.0
"""`bench threads-vs-events`: its command line, and what it draws from runs: rows, ratios, verdicts, tables and the figure.
A run itself: smallest_run_test.py.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from harness import load, peers, threads_vs_events, web_report, web_verdicts  # noqa: E402

SECONDS = 120


def bench(build, *arguments):
    return subprocess.run([sys.executable, str(HERE / "run.py"), "threads-vs-events", "--build", str(build), *arguments],
                          capture_output=True, text=True, timeout=SECONDS)


def can_draw():
    return subprocess.run(["/usr/bin/python3", "-c", "import matplotlib"], stderr=subprocess.DEVNULL).returncode == 0


class CommandLine(unittest.TestCase):
    def refused(self, *arguments):
        done = bench("nowhere", *arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr.splitlines()[-1]

    def test_mistakes_are_named(self):
        self.assertIn("--sides: no such side: kont", self.refused("--sides", "knot,kont"))
        self.assertIn("no such thing: 2k (there are: 1k, 100k)", self.refused("--files", "2k"))
        self.assertIn("not a list of numbers from 1 up: 10,x", self.refused("--connections", "10,x"))
        self.assertIn("not a list of numbers from 1 up: 0", self.refused("--connections", "0"))
        self.assertIn("no such thing: half", self.refused("--parts", "half"))
        self.assertIn("--pairs", self.refused("--pairs", "0"))
        self.assertIn("--duration", self.refused("--duration", "-1"))

    def test_no_baseline(self):
        with tempfile.TemporaryDirectory() as folder:
            done = bench(folder, "--sides", "reactor", "--connections", "1")
            self.assertEqual(done.returncode, 1)
            self.assertIn("the baseline, knot, is not there", done.stderr)


def options_for(**changes):
    values = {"build": "build", "top": str(HERE.parent), "files": ["1k"], "connections": [100, 15000], "pairs": 2,
              "duration": 1.0, "active": None, "baseline": "knot", "cores": (0, 1), "quick": False, "sides": ["knot", "reactor"],
              "parts": ["closed", "open", "flat"]}
    return argparse.Namespace(**(values | changes))


def canned_run(speed, p99):
    """A load.run that answers from tables: {side: rate at 100 connections}; 10 % less at 15,000."""
    def run(plan, side, count=False):
        rate = plan.rate or speed[side.name] * (0.9 if plan.connections == 15000 else 1)
        latency = {"p50": 50.0, "p99": p99[side.name], "p999": 900.0} if plan.rate else None
        return load.Run(rate=rate, cpu_us=1e6 / speed[side.name], server_busy=1.0, client_busy=0.5, others=0.0,
                        latency_us=latency, syscalls=2.0 if count else None, switches=0.5 if count else None,
                        memory=plan.connections * 5000, threads=3)
    return run


def measure(options, speed, p99):
    sides = [load.Side(name, []) for name in speed]
    rows = []
    with mock.patch.object(load, "run", canned_run(speed, p99)):
        for part in options.parts:
            rows.extend(threads_vs_events.MEASURE[part](options, sides, "www"))
    return rows


class WhatRowsSay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        speed = {"knot": 100000.0, "reactor": 102000.0, "http_epoll": 125000.0, "nginx": 80000.0, "knot-nptl": 99000.0}
        cls.rows = measure(options_for(), speed, dict.fromkeys(speed, 200.0) | {"knot": 230.0})

    def verdicts(self, rows=None, **changes):
        return {entry["target"]: entry["holds"] for entry in
                web_verdicts.judge(rows or self.rows, options_for(**changes)).entries}

    def test_open_loop_is_paced_by_the_slower_side(self):
        offered = {(row["connections"], row["fraction"]): row["offered_rate"] for row in self.rows if row["kind"] == "open"}
        self.assertEqual(offered, {(100, 0.5): 50000.0, (100, 0.7): 70000.0, (100, 0.9): 90000.0,
                                   (15000, 0.5): 45000.0, (15000, 0.7): 63000.0, (15000, 0.9): 81000.0})

    def test_memory_only_where_it_means_something(self):
        memory = {row["connections"]: row["memory_per_connection"] for row in self.rows
                  if row["kind"] == "closed" and row["side"] == "knot"}
        self.assertEqual((memory[100], memory[15000]["median"]), (None, 5000))

    def test_verdicts(self):
        holds = self.verdicts()
        self.assertIs(holds["knot/http_epoll CPU a request at most 1.2, 1k, 100 connections"], False)
        self.assertIs(holds["knot/nginx CPU a request below 1, 1k, 100 connections"], True)
        self.assertIs(holds["knot/reactor rate at least 0.97, 1k, 15000 connections"], True)
        self.assertIs(holds["knot/knot-nptl rate above 1, 1k, 100 connections"], True)
        self.assertIs(holds["knot/reactor p99 at most 1.1, 1k, 100 connections, 90% load"], False)
        self.assertIs(holds["knot: rate at 15000 connections at least 0.95 of the peak, 1k"], False)

    def test_no_undisturbed_pair_is_unknown(self):
        empty = [row | {"cpu_ratio": None, "rate_ratio": None, "rate": None, "pairs": 0, "enough": False,
                        "latency_ratio": {"p99": None}, "rate_of_last": None} for row in self.rows]
        self.assertEqual(set(self.verdicts(empty).values()), {None})

    def test_tables(self):
        text = web_report.markdown(self.rows)
        self.assertIn("| 100 | reactor | 102000 |", text)
        self.assertIn("| 15000 | 90% | knot | 81000 | 50 | 230 | 900 |", text)
        self.assertIn("| knot | 15000 | 90000 |", text)

    @unittest.skipUnless(can_draw(), "python3-matplotlib is not installed")
    def test_the_figure(self):
        with tempfile.TemporaryDirectory() as folder:
            source, figure = os.path.join(folder, "rows.json"), os.path.join(folder, "figure.svg")
            pathlib.Path(source).write_text("\n".join(map(json.dumps, self.rows)))
            program = HERE / "plot_threads_vs_events.py"
            done = subprocess.run([program, source, figure], capture_output=True, text=True, timeout=SECONDS)
            self.assertEqual(done.returncode, 0, done.stderr)
            drawn = pathlib.Path(figure).read_text()
            for word in ("knot", "reactor", "connections", "p99"):
                self.assertIn(word, drawn)


class Peers(unittest.TestCase):
    def test_every_configuration_can_be_written(self):
        with tempfile.TemporaryDirectory() as scratch:
            for name in peers.KINDS:
                peer = peers.Peer(name, "/usr/sbin/x", "/somewhere/lib/x86_64-linux-gnu", scratch)
                peer.arguments(8080)
                plain = pathlib.Path(scratch, f"{name}.conf").read_text()
                peer.pad(100)
                peer.arguments(8080)
                padded = pathlib.Path(scratch, f"{name}.conf").read_text()
                self.assertIn("8080", plain)
                self.assertNotIn(peers.PADDING, plain)
                self.assertEqual(padded.count("x" * (100 - len(peers.PADDING) - 4)), 1, name)


EXCERPT = re.compile(r"^<!-- excerpt: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page(unittest.TestCase):
    def test_excerpts_are_the_source(self):
        page = (HERE.parent / "docs/threads-vs-events.md").read_text()
        excerpts = EXCERPT.findall(page)
        self.assertEqual(len(excerpts), page.count("<!-- excerpt:"))
        self.assertGreaterEqual(len(excerpts), 2)
        for path, text in excerpts:
            same = text in (HERE.parent / path).read_text()
            self.assertTrue(same, f"docs/threads-vs-events.md quotes {path} wrongly, from: {text.splitlines()[0]}")


if __name__ == "__main__":
    unittest.main()
