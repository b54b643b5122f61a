// SPDX-License-Identifier: Apache-2.0
//
// What the process's threads are doing, as text. Made for a hung or dying process: no lock is taken, no memory is
// allocated, and what other workers change meanwhile is read as it is. Safe in a signal handler.
#pragma once

#include "runtime/include/rondo/rondo.h"

namespace rondo {

// One line a thread: id, name, state, what it waits for.
void dump_threads(int fd);

void fill_stats(rondo_stats& stats);

}  // namespace rondo
