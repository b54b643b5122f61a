// SPDX-License-Identifier: Apache-2.0
//
// Whether a run was good, why not, and whether two bad ones failed in the same way: the same ending and, where Rondo or
// assert() said something, the same words but for numbers. A shrunk schedule must keep the failure, not find another.
#pragma once

#include <string>

#include "syscall_shim/tools/schedule_run.h"

namespace rondo {

struct Expectation {
    int status = 0;
    bool compare = false;
    std::string output;  // if compare
};

struct Verdict {
    std::string reason;     // empty: a good run
    std::string signature;  // equal for equal failures
    bool bad() const { return !reason.empty(); }
};

Verdict judge(const Outcome& outcome, const Expectation& expectation);

}  // namespace rondo
