# SPDX-License-Identifier: Apache-2.0
"""Runs the cases of one unittest file and reports each to tests/support/run_tests.py.

Usage: run_unittest.py FILE [-k SUBSTRING]

The line protocol is that of tests/support/report.h. SIGQUIT prints the Python stacks, so that a hang shows where.
"""
import argparse
import faulthandler
import importlib.util
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def report(event, name):
    path = os.environ.get("RONDO_TEST_REPORT")
    if path:
        with open(path, "a", encoding="utf-8") as out:
            out.write(f"{event} {name}\n")


def case_name(test):
    return test.id().split(".", 1)[-1]


class ReportingResult(unittest.TextTestResult):
    """Tells the runner of each case. A case with a failed subtest fails once."""

    def startTest(self, test):
        super().startTest(test)
        self.outcome = "pass"
        report("begin", case_name(test))

    def addError(self, test, err):
        super().addError(test, err)
        self.outcome = "fail"
        if not isinstance(test, unittest.TestCase):
            report("fail", str(test))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.outcome = "fail"

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.outcome = "fail"

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.outcome = "fail"

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.outcome = f"skip: {reason}"

    def stopTest(self, test):
        super().stopTest(test)
        event, _, reason = self.outcome.partition(": ")
        report(event, case_name(test) + (f": {reason}" if reason else ""))


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path).removesuffix(".py"), path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("-k", dest="substring")
    options = parser.parse_args()
    faulthandler.register(signal.SIGQUIT, all_threads=True)
    loader = unittest.TestLoader()
    if options.substring:
        loader.testNamePatterns = [f"*{options.substring}*"]
    suite = loader.loadTestsFromModule(load(options.file))
    result = unittest.TextTestRunner(verbosity=2, resultclass=ReportingResult).run(suite)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
