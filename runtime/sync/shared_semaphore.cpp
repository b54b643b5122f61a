// SPDX-License-Identifier: Apache-2.0
//
// See shared_semaphore.h. A waiter counts itself before it looks at the value for the last time, so a post that sees
// nobody leaves a value that the waiter sees.

#include "runtime/sync/shared_semaphore.h"

#include "runtime/sync/shared_futex.h"

namespace rondo {

// One unit of the value, and the caller's own count as a waiter with it.
bool SharedSemaphore::take(uint64_t waiters) {
    uint64_t seen = data_.load(std::memory_order_relaxed);
    while (static_cast<uint32_t>(seen) > 0) {
        if (data_.compare_exchange_weak(seen, seen - 1 - waiters, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

int SharedSemaphore::wait(Deadline deadline) {
    cancellation_point();
    if (take(0)) {
        return 0;
    }
    if (deadline.invalid()) {
        return EINVAL;
    }
    for (;;) {
        data_.fetch_add(kWaiter, std::memory_order_relaxed);
        long result = 0;
        while (result == 0 || result == -EAGAIN) {
            if (take(kWaiter)) {
                return 0;
            }
            result = shared_futex_wait(word(), 0, deadline, true);
        }
        data_.fetch_sub(kWaiter, std::memory_order_relaxed);
        if (result != -EINTR) {
            return static_cast<int>(-result);
        }
        cancellation_point();
        if (interrupted(deadline.never() ? Restart::allowed : Restart::never)) {
            return EINTR;
        }
    }
}

int SharedSemaphore::post() {
    uint64_t seen = data_.load(std::memory_order_relaxed);
    do {
        if (static_cast<uint32_t>(seen) == kMaxValue) {
            return EOVERFLOW;
        }
    } while (!data_.compare_exchange_weak(seen, seen + 1, std::memory_order_release, std::memory_order_relaxed));
    if (seen >= kWaiter) {
        shared_futex_wake(word(), 1);
    }
    return 0;
}

}  // namespace rondo
