// SPDX-License-Identifier: Apache-2.0
//
// For tests of internals that need real threads in a known order: the runtime with one worker, on which code between
// two parks is atomic and threads run first come, first served. Main is one of the threads.
#pragma once

#include "runtime/core/worker.h"
#include "runtime/system/runtime.h"
#include "support/test.h"

namespace rondo_test {

// Starts the runtime with one worker, if it has not started.
inline rondo::Worker& single_worker() {
    if (!rondo::runtime_started()) {
        setenv("RONDO_WORKERS", "1", 1);
        REQUIRE(rondo::ensure_runtime() == 0);
    }
    REQUIRE(rondo::self_ != nullptr);
    return *rondo::self_;
}

// Lets the others run until they have all parked.
inline void let_others_park(rondo::Worker& worker) {
    for (int i = 0; i < 4; ++i) {
        worker.yield_current();
    }
}

}  // namespace rondo_test
