# SPDX-License-Identifier: Apache-2.0
"""Each failure that `rondo explore` finds in the lessons comes again a hundred times out of a hundred, from its seed and from
the shrunk schedule."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import races_test  # noqa: E402

TIMES = 100


class Repeat(races_test.Races):
    pass


for case in races_test.CASES:
    setattr(Repeat, f"test_{case}", lambda self, case=case: self.repeats(case, TIMES))

if __name__ == "__main__":
    unittest.main()
