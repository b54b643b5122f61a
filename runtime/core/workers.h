// SPDX-License-Identifier: Apache-2.0
//
// The process's workers. Written once at the runtime's start, before any fiber exists; read by everybody.
#pragma once

namespace rondo {

class Worker;

unsigned worker_count();
Worker* worker_at(unsigned index);

// Publishes the array; it must live for ever.
void set_workers(Worker* const* workers, unsigned count);

// The one with the fewest fibers.
Worker& least_loaded_worker();

}  // namespace rondo
