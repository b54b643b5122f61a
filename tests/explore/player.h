// SPDX-License-Identifier: Apache-2.0
//
// Plays seeds in this process, one after the other: for each scenario the schedule is started anew from the seed, and
// afterwards nothing may be left of it.
#pragma once

#include <atomic>

#include "explore.h"

namespace rondo::explore {

struct Part {
    uint64_t first, last;  // seeds
    const Scenario* only;  // null: all
};

// What is being played. Lies in memory that the watching process shares.
struct Progress {
    std::atomic<uint64_t> seed;
    std::atomic<const Scenario*> scenario;
    std::atomic<uint64_t> rounds;  // begun
};

// Returns when all is played; whatever fails ends the process.
void play(const Part& part, Progress& progress);

}  // namespace rondo::explore
