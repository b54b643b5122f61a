# SPDX-License-Identifier: Apache-2.0
"""The requests of tests/knot/corpus through the fuzz target, without the fuzzer: whatever it holds of request handling holds
of them in this build, too."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import seeds  # noqa: E402

REPLAY = pathlib.Path(os.environ["RONDO_TEST_BUILD_DIR"]) / "tests" / "fuzz" / "request_replay"


class Replay(unittest.TestCase):
    def replay(self, folder):
        return subprocess.run([str(REPLAY), str(folder)], capture_output=True, text=True, errors="replace", timeout=60,
                              check=False)

    def test_the_corpus(self):
        with tempfile.TemporaryDirectory() as folder:
            count = seeds.write(pathlib.Path(folder))
            done = self.replay(folder)
        self.assertEqual((done.returncode, done.stdout), (0, f"{count} inputs\n"), done.stderr[-3000:])


if __name__ == "__main__":
    unittest.main()
