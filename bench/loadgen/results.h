// SPDX-License-Identifier: Apache-2.0
//
// What a generator process counts, in memory shared with the parent: plain data, written by one process, read
// by the parent after that process has ended. Every error has its own counter; "ok" is that all of them are
// zero.
#pragma once

#include <cstdint>
#include <string>

#include "histogram.h"
#include "options.h"

namespace loadgen {

struct Results {
    uint64_t connected = 0;        // reached the established state
    uint64_t greeted = 0;          // and the exchange made at opening was right
    uint64_t requests = 0;         // completed inside the measured window
    uint64_t lines = 0;            // --lines: correct lines in all
    uint64_t finished = 0;         // --lines: connections that did all lines and then saw a clean end
    uint64_t cpu_ns = 0;           // this process, inside the window
    uint64_t unanswered = 0;       // open loop: due in the window, no answer when the run ended
    uint64_t connect_refused = 0;  // errors from here on
    uint64_t connect_no_address = 0;
    uint64_t connect_timed_out = 0;
    uint64_t connect_other = 0;
    uint64_t mismatched_bytes = 0;
    uint64_t malformed = 0;
    uint64_t resets = 0;
    uint64_t closed_early = 0;
    uint64_t stalled = 0;  // no answer: for --timeout while opening and with --lines, for 2 s after a timed run
    uint64_t process_died = 0;
    Histogram latency;  // open loop: ns from the intended instant

    void merge(const Results& other);
    uint64_t errors() const;
};

// One JSON line, or a few words for people, without the newline.
std::string describe(const Options& options, const Results& total, double ramp_seconds);

}  // namespace loadgen
