// SPDX-License-Identifier: Apache-2.0
//
// The figures of a process as people read them.
#pragma once

#include <sys/types.h>

#include <string>

namespace rondo {

// Prints on standard output. False: no answer of an inspector.
bool print_stats(pid_t pid, const std::string& answer);

}  // namespace rondo
