// SPDX-License-Identifier: Apache-2.0
//
// A semaphore that several processes share, in the form that libc gives it: one word of 64 bits with the value in the
// lower half and the number of waiters in the upper one, and a mark behind it. So a named semaphore, which is a file
// that libc made, serves programs with and without Rondo at once. A semaphore of one process has no mark
// (semaphore.h).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/waiter.h"

namespace rondo {

class SharedSemaphore {
   public:
    static constexpr uint32_t kMaxValue = INT32_MAX;

    void init(uint32_t value) {
        data_.store(value, std::memory_order_relaxed);
        mark_.store(kMark, std::memory_order_relaxed);
    }
    uint32_t value() const { return static_cast<uint32_t>(data_.load(std::memory_order_relaxed)); }

    int wait(Deadline deadline);  // 0, ETIMEDOUT, EINTR, or EINVAL for an invalid deadline; a cancellation point
    bool try_wait() { return take(0); }
    int post();  // 0 or EOVERFLOW

   private:
    static constexpr uint64_t kWaiter = 1ULL << 32;
    static constexpr uint32_t kMark = 128;  // libc's mark of a shared futex

    bool take(uint64_t waiters);
    const void* word() const { return &data_; }  // its lower half

    std::atomic<uint64_t> data_;
    std::atomic<uint32_t> mark_;
};

}  // namespace rondo
