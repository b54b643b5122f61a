// SPDX-License-Identifier: Apache-2.0
//
// See barrier.h.

#include "runtime/sync/barrier.h"

#include <cerrno>

#include "runtime/core/wait_table.h"

namespace rondo {

void Barrier::init(uint32_t count) {
    count_ = count;
    arrived_ = 0;
}

int Barrier::destroy() const {
    WaitQueue queue(this);
    bool busy = !queue.empty();
    queue.unlock();
    return busy ? EBUSY : 0;
}

bool Barrier::wait() {
    WaitQueue queue(this);
    if (++arrived_ < count_) {
        Waiter waiter(WaitReason::barrier, this);
        queue.park_back(waiter, {});
        return false;
    }
    arrived_ = 0;
    Waiter* others = queue.claim_all();
    queue.unlock();
    release_all(others);
    return true;
}

}  // namespace rondo
