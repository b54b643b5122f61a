// SPDX-License-Identifier: Apache-2.0
//
// See once.h.

#include "runtime/sync/once.h"

#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"

// Calls the routine; settles the control also when the stack is unwound through it (once_guard.c).
extern "C" void rondo_internal_guarded_once(void* once, void (*routine)(void), void (*settle)(void*, int));

namespace rondo {

namespace {

void settle_once(void* once, int completed) { static_cast<Once*>(once)->settle(completed != 0); }

}  // namespace

// True: the caller runs the routine. False: it is done.
bool Once::begin() {
    choice_point("once");
    for (;;) {
        WaitQueue queue(this);
        int seen = state_.load(std::memory_order_acquire);
        if (seen != running()) {
            state_.store(seen == kDone ? kDone : running(), std::memory_order_relaxed);
            queue.unlock();
            return seen != kDone;
        }
        Waiter waiter(WaitReason::once, this);
        waiter.interruptible = true;
        if (queue.park_back(waiter, {}) == WakeCause::interrupted) {
            interrupted(Restart::always);
        }
    }
}

void Once::call(void (*routine)()) {
    if (state_.load(std::memory_order_acquire) != kDone && begin()) {
        rondo_internal_guarded_once(this, routine, settle_once);
    }
}

void Once::settle(bool completed) {
    WaitQueue queue(this);
    state_.store(completed ? kDone : kNew, std::memory_order_release);
    Waiter* waiting = queue.claim_all();
    queue.unlock();
    release_all(waiting);
}

}  // namespace rondo
