# SPDX-License-Identifier: Apache-2.0
"""Many signals at threads that are busy, natively and under `rondo`: each handler runs as often as it was sent."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import shim_test  # noqa: E402

SA_RESTART = 0x10000000
ROUNDS = "10000"


class SignalLoad(shim_test.Comparison):
    def test_no_signal_is_lost_under_load(self):
        for flags in (0, SA_RESTART):
            self.check("signal_load", ROUNDS, ROUNDS, str(flags))


if __name__ == "__main__":
    unittest.main()
