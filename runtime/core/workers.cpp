// SPDX-License-Identifier: Apache-2.0
//
// See workers.h. Placement starts its search at another worker each time, so that equals take turns.

#include "runtime/core/workers.h"

#include <atomic>

#include "runtime/core/worker.h"

namespace rondo {

namespace {

Worker* const* all_workers = nullptr;
std::atomic<unsigned> count_of_workers{0};
std::atomic<unsigned> next_start{0};

}  // namespace

unsigned worker_count() { return count_of_workers.load(std::memory_order_acquire); }

Worker* worker_at(unsigned index) { return all_workers[index]; }

void set_workers(Worker* const* workers, unsigned count) {
    all_workers = workers;
    count_of_workers.store(count, std::memory_order_release);
}

Worker& least_loaded_worker() {
    unsigned count = worker_count();
    if (count == 1) {
        return *all_workers[0];
    }
    unsigned start = next_start.fetch_add(1, std::memory_order_relaxed);
    Worker* best = all_workers[start % count];
    for (unsigned i = 1; i < count; ++i) {
        Worker* candidate = all_workers[(start + i) % count];
        bool lighter = candidate->load.load(std::memory_order_relaxed) < best->load.load(std::memory_order_relaxed);
        best = lighter ? candidate : best;
    }
    return *best;
}

}  // namespace rondo
