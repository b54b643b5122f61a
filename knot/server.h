// SPDX-License-Identifier: Apache-2.0
//
// What all connections of a server share. It lives as long as the process.
#pragma once

#include "knot/access_log.h"
#include "knot/buffer_pool.h"
#include "knot/clock.h"
#include "knot/config.h"
#include "knot/connections.h"
#include "knot/file_cache.h"
#include "knot/response.h"
#include "knot/work.h"

namespace knot {

struct Server {
    Server(const Config& settings, int root, size_t most_connections)
        : config(settings),
          files(root, settings.cache, clock),
          log(clock),
          connections(most_connections, settings.idle_timeout * 1000, clock) {}

    const Config& config;
    Clock clock;
    FileCache files;
    AccessLog log;
    Connections connections;
    BufferPool buffers{config.limits.head + kBodyRoom};
    BufferPool work{Work::kSize};
    Site site{files, clock};

    // Behind the longest head, so that a body's bytes have a place.
    static constexpr size_t kBodyRoom = 1024;
};

}  // namespace knot
