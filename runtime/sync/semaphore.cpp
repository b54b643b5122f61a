// SPDX-License-Identifier: Apache-2.0
//
// See semaphore.h. kWaiters is set and cleared under the bucket lock only.

#include "runtime/sync/semaphore.h"

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"
#include "runtime/core/worker.h"

namespace rondo {

bool Semaphore::take() {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    while (seen >= kOne) {
        if (word_.compare_exchange_weak(seen, seen - kOne, std::memory_order_acquire, std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

bool Semaphore::try_wait() {
    if (take()) {
        return true;
    }
    if (self_ != nullptr) {
        self_->yield_current();
    }
    return false;
}

int Semaphore::wait(Deadline deadline) {
    cancellation_point();
    if (self_ != nullptr) {
        self_->spend_budget_cheaply("sem_wait");
    }
    if (take()) {
        return 0;
    }
    if (interrupted_by_choice(deadline.never() ? Restart::allowed : Restart::never, "sem_wait")) {
        return EINTR;
    }
    WakeCause cause = WakeCause::interrupted;
    while (cause == WakeCause::interrupted) {
        WaitQueue queue(this);
        word_.fetch_or(kWaiters, std::memory_order_relaxed);
        if (deadline.invalid() || take()) {
            queue.unlock();
            return deadline.invalid() ? EINVAL : 0;
        }
        Waiter waiter(WaitReason::semaphore, this);
        waiter.cancellable = true;
        waiter.interruptible = true;
        cause = queue.park_back(waiter, deadline);
        if (cause == WakeCause::cancelled) {
            cancellation_point();
        }
        if (cause == WakeCause::interrupted && interrupted(deadline.never() ? Restart::allowed : Restart::never)) {
            return EINTR;
        }
    }
    return cause == WakeCause::timed_out ? ETIMEDOUT : 0;
}

// Under the bucket lock: one store, for a token that is visible may be taken and the semaphore freed.
void Semaphore::publish(uint32_t tokens, bool nobody_waits) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    uint32_t next;
    do {
        next = (seen + tokens) & ~(nobody_waits ? kWaiters : 0);
    } while (!word_.compare_exchange_weak(seen, next, std::memory_order_release, std::memory_order_relaxed));
}

int Semaphore::post() {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & kWaiters) == 0) {
        if ((seen >> 1) == kMaxValue) {
            return EOVERFLOW;
        }
        if (word_.compare_exchange_weak(seen, seen + kOne, std::memory_order_release, std::memory_order_relaxed)) {
            return 0;
        }
    }
    WaitQueue queue(this);
    Waiter* waiter = queue.claim_first();
    publish(waiter == nullptr ? kOne : 0, queue.empty());
    queue.unlock();
    if (waiter != nullptr) {
        release(*waiter);
    }
    return 0;
}

}  // namespace rondo
