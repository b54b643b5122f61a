// SPDX-License-Identifier: Apache-2.0
//
// What a server is told on its command line. Knot and the event-driven servers of bench/servers take the same options,
// so that their limits and timeouts are the same.
#pragma once

#include <cstdint>
#include <string>

#include "knot/file_cache.h"
#include "knot/request.h"

namespace knot {

struct Config {
    std::string address = "0.0.0.0";
    uint16_t port = 8080;
    std::string root = ".";
    int workers = 0;  // 0: the runtime's own choice
    std::string access_log = "off";
    unsigned connections = 100'000;
    int backlog = 4096;
    // Seconds.
    unsigned idle_timeout = 60;    // between requests
    unsigned header_timeout = 20;  // from a head's first byte to its last
    unsigned body_timeout = 60;    // for a request's body
    unsigned send_timeout = 30;    // for an answer, and a second more for each min_rate bytes of it
    unsigned drain_timeout = 30;   // from SIGTERM to the end
    uint64_t min_rate = 8192;      // bytes a second
    Limits limits;
    FileCache::Limits cache;
};

// Ends the process for --help and --version (status 0), and where an argument is wrong (2, one line on standard error).
// Options that the runtime reads (--workers, --io, --tls, --stack, --sched) are put into the environment, which it
// looks at when the first thread is made.
Config parse_arguments(int argc, char** argv, const char* program);

}  // namespace knot
