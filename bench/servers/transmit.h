// SPDX-License-Identifier: Apache-2.0
//
// Sends what an exchange has to send on a non-blocking socket: memory by one sendmsg for all answers that stand
// together, a file's range by sendfile, and a head that such a range follows held back so that both leave in one
// segment.
#pragma once

#include "bench/servers/exchange.h"

namespace twin {

enum class Sent : uint8_t { all, blocked, broken };

Sent transmit(int fd, Exchange& exchange);

}  // namespace twin
