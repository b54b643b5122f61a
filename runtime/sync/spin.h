// SPDX-License-Identifier: Apache-2.0
//
// The spin lock of the API. On one worker the holder cannot run while we spin, so a contended lock yields: to the other
// fibers on a worker, to the other kernel threads elsewhere.
#pragma once

#include "runtime/base/spinlock.h"
#include "runtime/core/worker.h"

namespace rondo {

inline void spin_lock(Spinlock& lock) {
    while (!lock.try_lock()) {
        if (self_ != nullptr) {
            self_->yield_current();
        } else {
            sys::yield_cpu();
        }
    }
}

}  // namespace rondo
