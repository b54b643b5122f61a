// SPDX-License-Identifier: Apache-2.0
//
// Where the parked threads of a process stand in its source: asks rondo-unwind, which lies beside this program, so that
// libdw is loaded only where it is used.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace rondo {

struct Stack {
    std::string place;  // "function at file:line" of the program's own innermost call; may be empty
    std::string frames;
};

struct CallSites {
    std::vector<int> stack_of;              // for each context asked for, a number in `stacks`, or -1
    std::map<uint64_t, std::string> names;  // of the addresses asked for, those that have one
    std::vector<Stack> stacks;
    std::string problem;  // not empty: why nothing else is there
};

CallSites find_call_sites(pid_t pid, const std::vector<uint64_t>& contexts, const std::vector<uint64_t>& addresses);

}  // namespace rondo
