// SPDX-License-Identifier: Apache-2.0
//
// Threads as people read them: a table, or the backtraces in which they are parked, folded.
#pragma once

#include <sys/types.h>

#include <string>

namespace rondo {

// Both print on standard output, and on standard error why there are no call sites. False: no answer of an inspector.
bool print_threads(pid_t pid, const std::string& answer);
bool print_stacks(pid_t pid, const std::string& answer);

}  // namespace rondo
