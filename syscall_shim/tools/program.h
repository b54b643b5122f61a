// SPDX-License-Identifier: Apache-2.0
//
// Finds the program that a command line names, as the shell would, and says whether the shim can be preloaded into
// it. A script is judged by its interpreter, `#!/usr/bin/env PROG` by PROG, a few levels deep. Every refusal is one
// line that names the file and the reason; it comes before anything has started.
#pragma once

#include <string>

#include "syscall_shim/tools/elf_file.h"

namespace rondo {

constexpr int kNotFound = 127;
constexpr int kCannotRun = 126;

struct Program {
    int status = 0;       // 0: can run; else the exit status, and problem says why
    std::string problem;  // without "rondo: "
    std::string path;     // what to execute
    std::string binary;   // the ELF program that will run: path itself, or the last interpreter
    ElfFacts facts;       // of binary
};

Program inspect_program(const std::string& name);

}  // namespace rondo
