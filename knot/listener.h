// SPDX-License-Identifier: Apache-2.0
//
// The socket on which a server waits for clients: non-blocking, and such that what it accepts sends small answers at
// once.
#pragma once

#include <cstdint>

#include "knot/config.h"

namespace knot {

// A listening socket, or -1 and a line on standard error. `port` becomes the one that it got.
int listen_on(const Config& config, uint16_t& port);

}  // namespace knot
