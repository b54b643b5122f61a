#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes request handling, from the requests of tests/knot/corpus on: run.py BUILD_DIR SECONDS

What the fuzzer found worth keeping stays in BUILD_DIR/fuzz/corpus and is where the next run begins. The last line is
"fuzz: N runs in S s, no finding" (exit 0), or the finding's file (exit 1); BUILD_DIR/tests/fuzz/request_fuzz FILE repeats it.
"""
import pathlib
import re
import subprocess
import sys

import seeds

HERE = pathlib.Path(__file__).parent
MOST_BYTES = 8192
MOST_MEGABYTES = 2048
SECONDS_FOR_AN_INPUT = 10
GRACE_SECONDS = 120


def main():
    build, seconds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    folders = {name: build / "fuzz" / name for name in ("corpus", "seeds", "findings")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    print(f"fuzz: {seeds.write(folders['seeds'])} seeds, {seconds} s", flush=True)
    command = [build / "tests/fuzz/request_fuzz", f"-max_total_time={seconds}", f"-max_len={MOST_BYTES}",
               f"-rss_limit_mb={MOST_MEGABYTES}", f"-timeout={SECONDS_FOR_AN_INPUT}", f"-dict={HERE / 'http.dict'}",
               f"-artifact_prefix={folders['findings']}/", folders["corpus"], folders["seeds"]]
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=seconds + GRACE_SECONDS, check=False)
    runs = re.search(r"Done (\d+) runs in (\d+) second", done.stdout)
    if done.returncode == 0 and runs:
        print(f"fuzz: {runs[1]} runs in {runs[2]} s, no finding")
        return 0
    print(done.stdout[-8000:])
    print("fuzz: a finding:", *re.findall(r"Test unit written to (\S+)", done.stdout))
    return 1


if __name__ == "__main__":
    sys.exit(main())
