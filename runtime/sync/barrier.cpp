// SPDX-License-Identifier: Apache-2.0
//
// See barrier.h.

#include "runtime/sync/barrier.h"

#include <cerrno>

#include "runtime/core/interrupt.h"
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

// Under the bucket lock. A thread that was interrupted arrives anew; if the round was completed meanwhile, it counted.
void Barrier::leave(void* arrival) {
    auto* left = static_cast<Arrival*>(arrival);
    --left->barrier->arrived_;
    left->withdrawn = true;
}

bool Barrier::wait() {
    WaitQueue queue(this);
    if (++arrived_ < count_) {
        Waiter waiter(WaitReason::barrier, this);
        waiter.interruptible = true;
        Arrival arrival{this, false};
        queue.on_leaving({leave, &arrival});
        if (queue.park_back(waiter, {}) == WakeCause::interrupted) {
            interrupted(Restart::always);
        }
        return arrival.withdrawn ? wait() : false;
    }
    arrived_ = 0;
    Waiter* others = queue.claim_all();
    queue.unlock();
    release_all(others);
    return true;
}

}  // namespace rondo
