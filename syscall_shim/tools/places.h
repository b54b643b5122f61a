// SPDX-License-Identifier: Apache-2.0
//
// What stands at an address of a process's code: function, file and line, as people read them, by elfutils' libdw from
// the symbols and debug information of the process's files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

struct Dwfl;

namespace rondo {

// Whose code. libc stands for everything that wraps its calls: the C++ library, the loader, sanitizers' run-times.
enum class Owner { user, rondo, libc };

// Code at one address: the functions inlined there, innermost first, and the one that holds them.
struct Place {
    Owner owner = Owner::user;
    uint64_t function = 0;  // its first instruction, or the address itself
    // Each: "function at file:line", "function in module", or "module+offset".
    std::vector<std::string> lines;
};

Place place_of(Dwfl* dwfl, uint64_t address);

// The variable or function that the address belongs to: "name" or "name+0x8"; empty if no symbol covers it.
std::string symbol_of(Dwfl* dwfl, uint64_t address);

// The process's map of files; null if it cannot be read. dwfl_end() gives it back.
Dwfl* open_process(pid_t pid);

}  // namespace rondo
