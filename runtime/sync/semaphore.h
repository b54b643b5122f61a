// SPDX-License-Identifier: Apache-2.0
//
// Unnamed semaphore. The word holds the value, shifted left by one, and a bit "threads may wait". A post with waiters
// hands its token to the first of them instead of raising the value: the woken thread owns it, competes with nobody,
// and may destroy the semaphore at once, since the post's last touch of it comes before the release.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/waiter.h"

namespace rondo {

class Semaphore {
   public:
    static constexpr uint32_t kMaxValue = INT32_MAX;

    void init(uint32_t value) {
        word_.store(value << 1, std::memory_order_relaxed);
        mark_.store(0, std::memory_order_relaxed);
    }
    // Then the memory holds a SharedSemaphore.
    bool is_shared() const { return mark_.load(std::memory_order_relaxed) != 0; }
    uint32_t value() const { return word_.load(std::memory_order_relaxed) >> 1; }

    int wait(Deadline deadline);  // 0, ETIMEDOUT, EINTR, or EINVAL for an invalid deadline; a cancellation point
    bool try_wait();
    int post();  // 0 or EOVERFLOW

   private:
    static constexpr uint32_t kWaiters = 1;
    static constexpr uint32_t kOne = 2;

    bool take();
    void publish(uint32_t tokens, bool nobody_waits);

    std::atomic<uint32_t> word_;
    [[maybe_unused]] uint32_t unused_;
    std::atomic<uint32_t> mark_;  // where SharedSemaphore has its own; 0
};

}  // namespace rondo
