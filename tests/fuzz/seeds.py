# SPDX-License-Identifier: Apache-2.0
"""Writes the requests of tests/knot/corpus, one file each, as seeds for the fuzz target: seeds.py FOLDER"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "knot"))
import http_corpus  # noqa: E402

MOST_BYTES = 1 << 14  # longer ones slow the fuzzer down and show it nothing new


def write(folder):
    """Returns how many."""
    cases = [case for theme in http_corpus.load().values() for case in theme if 0 < len(case.data) <= MOST_BYTES]
    for case in cases:
        (folder / case.name.replace("/", "-")).write_bytes(case.data)
    return len(cases)


if __name__ == "__main__":
    print(write(pathlib.Path(sys.argv[1])), "seeds")
