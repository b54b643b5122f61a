// SPDX-License-Identifier: Apache-2.0
//
// Command line of the load generator: one plain struct, filled and checked once, read-only afterwards.
// Every limit that can be known before the first connection (descriptors a process may hold, ports a source
// address has) is checked or derived here, so that a run never starts that cannot finish.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace loadgen {

enum class Proto { kEcho, kHttp };
enum class Mode { kClosed, kOpen, kLines };

struct Options {
    std::string host = "127.0.0.1";
    int port = 0;
    Proto proto = Proto::kEcho;
    Mode mode = Mode::kClosed;
    std::vector<std::string> paths;
    std::string docroot;
    uint32_t connections = 1;
    uint32_t active = 0;
    uint32_t processes = 0;
    uint32_t sources = 0;
    uint32_t ramp_window = 64;
    size_t size = 64;
    uint64_t lines = 0;
    double duration = 2.0;
    double warmup = 0.5;
    double cooldown = 0.2;
    double rate = 0.0;
    double timeout = 30.0;
    int events_fd = -1;
    bool silent_idle = false;
    bool json = false;
};

// Prints usage or one line about the mistake and leaves the process (status 0 for --help, else 2).
Options parse_options(int argc, char** argv);

}  // namespace loadgen
