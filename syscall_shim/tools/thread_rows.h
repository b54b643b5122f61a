// SPDX-License-Identifier: Apache-2.0
//
// The inspector's list of threads, read from its JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rondo {

struct ThreadRow {
    uint64_t id = 0;
    std::string name;
    uint64_t worker = 0;
    std::string state;
    std::string reason;  // of a parked one, with what follows
    uint64_t waited_ms = 0;
    std::optional<uint64_t> descriptor;
    uint64_t object = 0;
    std::string owner;     // a thread's number, or "kernel thread"; empty: nobody is known
    uint64_t context = 0;  // 0: it runs
    uint64_t used = 0;     // of its stack, bytes; 0: unknown
    uint64_t start = 0;    // its function
    int stack = -1;        // in CallSites::stacks
};

struct ThreadRows {
    uint64_t workers = 0;
    std::vector<ThreadRow> rows;
};

// In the order of the threads' numbers. False: that is no list of threads.
bool read_threads(const std::string& json, ThreadRows& threads);

}  // namespace rondo
