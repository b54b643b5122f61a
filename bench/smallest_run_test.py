# SPDX-License-Identifier: Apache-2.0
"""`bench threads-vs-events`: its smallest run end to end, on servers of a few lines that stand in for knot and the reactor.

The stand-ins make the test independent of what is built and of how fast it is; other programs on the machine may have
every pair dropped, which is part of the shape that is checked.
"""
import json
import os
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from harness import web_sides  # noqa: E402
from threads_vs_events_test import bench  # noqa: E402

BUILD = pathlib.Path(os.environ.get("RONDO_TEST_BUILD_DIR", "build")).absolute()
STAND_IN = """#!/usr/bin/env python3
import argparse, http.server, os
parser = argparse.ArgumentParser()
for name in ("--port", "--root", "--workers"):
    parser.add_argument(name, required=True)
options = parser.parse_args()
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def log_message(self, *_):
        pass
os.chdir(options.root)
http.server.ThreadingHTTPServer(("127.0.0.1", int(options.port)), Handler).serve_forever()
"""


def stand_in_build(folder):
    build = pathlib.Path(folder)
    for name in ("knot", "bench"):
        (build / name).mkdir()
    (build / "bench" / "loadgen").symlink_to(BUILD / "bench" / "loadgen")
    for program in ("knot/knot", "bench/reactor"):
        (build / program).write_text(STAND_IN)
        (build / program).chmod(0o755)
    return build


@unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "needs two cores")
class SmallestRun(unittest.TestCase):
    def test_rows_tables_and_what_is_left_out(self):
        with tempfile.TemporaryDirectory() as folder:
            build = stand_in_build(folder)
            done = bench(build, "--sides", "reactor,staged", "--connections", "4", "--files", "1k", "--pairs", "1",
                         "--duration", "0.3", "--parts", "closed")
            self.assertIn(done.returncode, (0, 1), done.stderr)
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(rows, [json.loads(line) for line in
                                    (build / "bench/threads-vs-events.json").read_text().splitlines()])
            closed = {row["side"]: row for row in rows if row.get("kind") == "closed"}
            self.assertEqual(set(closed), {"knot", "reactor"})
            for row in closed.values():
                self.assertEqual((row["file"], row["connections"], row["baseline"]), ("1k", 4, "knot"))
                self.assertEqual(row["pairs"] + row["dropped"] > 0, True)
                self.assertGreater(row["switches_per_request"], 0)
            wire = {row["side"]: row for row in rows if row.get("kind") == "wire"}
            self.assertEqual(wire["reactor"]["ratio"], 1.0)
            self.assertGreater(wire["knot"]["bytes"], web_sides.FILES["1k"])
            self.assertIn("side staged is left out", done.stderr)
            self.assertIn("| 4 | reactor |", (build / "bench/threads-vs-events.md").read_text())
            unknown = [row["verdict"]["target"] for row in rows if "verdict" in row and row["verdict"]["holds"] is None]
            self.assertIn("knot against staged", unknown)


if __name__ == "__main__":
    unittest.main()
