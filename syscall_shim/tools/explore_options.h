// SPDX-License-Identifier: Apache-2.0
//
// The command line of `rondo explore [options] PROGRAM ARGS…`. Options end at the first word that is none, or after
// "--", as those of `rondo` itself do.
#pragma once

#include <cstdint>
#include <string>

namespace rondo {

struct ExploreOptions {
    uint64_t first_seed = 1;
    uint64_t runs = 1000;
    uint64_t jobs = 2;              // processes at a time
    uint64_t choices = 10'000'000;  // after which a run is taken for one without end
    uint64_t timeout_s = 10;        // of real time, for one run
    uint64_t shrink_s = 30;         // of real time, for all runs that shrink the schedule
    uint64_t expected_status = 0;   // what a good run ends with
    bool compare = false;           // standard output must be that of the default schedule
    bool faults = false;            // allocations may fail
    bool help = false;
    std::string replay_file;  // where the shrunk schedule goes
    char** command = nullptr;
    std::string error;  // not empty: what is wrong, without "rondo: "
};

// argv[0] is the word `explore`.
ExploreOptions parse_explore_options(char** argv);

void print_explore_help();

}  // namespace rondo
