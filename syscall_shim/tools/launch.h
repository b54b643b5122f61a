// SPDX-License-Identifier: Apache-2.0
//
// Replaces this process by the program with the shim preloaded. Children that the program starts inherit the preload,
// and so run on Rondo too.
#pragma once

#include "syscall_shim/tools/program.h"

namespace rondo {

// The line that a program with thread-local variables gets; empty for others. Without "rondo: ".
std::string thread_local_note(const Program& program);

// Returns only if it fails: the exit status, with problem set, without "rondo: ".
int launch(const Program& program, char** command, std::string& problem);

}  // namespace rondo
