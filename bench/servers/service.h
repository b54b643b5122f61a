// SPDX-License-Identifier: Apache-2.0
//
// What the event-driven servers share besides knot's own code: one site behind one listener, the command line, the
// clock, the end by SIGTERM. Each server's own part is its `run`.
#pragma once

#include <atomic>
#include <cstdint>

#include "bench/servers/exchange.h"
#include "knot/access_log.h"
#include "knot/clock.h"
#include "knot/config.h"
#include "knot/file_cache.h"
#include "knot/response.h"

namespace twin {

// What a connection waits for; each wait has its limit in knot::Config.
enum class Phase : uint8_t { idle, head, body, send, linger };

class Service {
   public:
    Service(const knot::Config& settings, int root, int listening);

    const knot::Config config;
    knot::Clock clock;
    knot::FileCache files;
    knot::AccessLog access_log{clock};
    const knot::Site site{files, clock};
    const int listener;   // non-blocking
    const int end_event;  // readable once the server is to end; nobody reads it
    const size_t most_connections;
    const unsigned workers;              // kernel threads that may compute at a time
    std::atomic<size_t> connections{0};  // open, in all workers

    bool ending() const { return ending_.load(std::memory_order_relaxed); }
    void end();

    // The request that the exchange answered last.
    void log(int fd, const Exchange& exchange);

    // Milliseconds of a coarse monotonic clock. Sets knot's clock when it is due.
    uint64_t pass();
    // When a wait that begins now is over. `length`: bytes to be sent.
    uint64_t deadline(Phase phase, uint64_t now_ms, uint64_t length) const;

   private:
    std::atomic<bool> ending_{false};
    std::atomic<uint64_t> ticked_{0};
    std::atomic_flag ticking_ = ATOMIC_FLAG_INIT;
};

// Whether a server runs in one thread of its own making or in one for each worker.
enum class Threads : uint8_t { one, each };

// The main function of a server: returns the process's status.
int serve(int argc, char** argv, const char* program, void (*run)(Service& service), Threads threads);

}  // namespace twin
