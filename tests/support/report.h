// SPDX-License-Identifier: Apache-2.0
//
// The line protocol between a test process and tests/support/run_tests.py.
//
// A test process appends one line for each event to the file named by RONDO_TEST_REPORT, with one write each,
// so that the lines before a crash or a hang survive it:
//   begin NAME      a case starts
//   pass NAME       it ended well
//   fail NAME       it did not
//   skip NAME: WHY  it was not executed, and why
// A `begin` without an end is the case that hung or crashed. Without the variable nothing is written: a
// person reads doctest's own output. Rejected: doctest's XML, which a crash leaves without an end and the
// case's output breaks.
#pragma once

#include <string>

namespace rondo_test {

void report(const char* event, const std::string& name);

// The reason of the running case's skip; empty when it was executed.
extern std::string skip_reason;

}  // namespace rondo_test
