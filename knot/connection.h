// SPDX-License-Identifier: Apache-2.0
//
// One connection from its first request to its end: a function that blocks where it has to wait, and reads from top to
// bottom as if there were no other connection.
#pragma once

#include "knot/server.h"

namespace knot {

// Serves the entry `id` of server.connections and closes it.
void serve(Server& server, Connections::Id id);

}  // namespace knot
