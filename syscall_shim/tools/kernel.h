// SPDX-License-Identifier: Apache-2.0
//
// The system calls without which the runtime cannot start, tried once before a program is started: a sandbox or an
// old kernel that lacks one is then named in one line, instead of a failure in the program's first thread.
#pragma once

#include <string>

namespace rondo {

// Empty if nothing is missing; else a line without "rondo: ".
std::string missing_from_kernel();

}  // namespace rondo
