// SPDX-License-Identifier: Apache-2.0
//
// Accepts connections and starts a detached thread for each, until a signal ends it.
//
// Where a connection cannot be taken on, for lack of descriptors, memory or threads or because there are as many as may
// be, it waits in the listener's backlog: accepting pauses for a tenth of a second at a time, and the reason is said,
// at most once in ten seconds.
//
// At the end the backlog is shut for new clients, and those in it are still accepted and served.
#pragma once

#include "knot/server.h"

namespace knot {

// Returns when a signal ends it and the backlog is empty; the listener is closed then.
void accept_connections(Server& server, int listener);

}  // namespace knot
