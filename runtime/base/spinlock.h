// SPDX-License-Identifier: Apache-2.0
//
// Test-and-test-and-set lock of one word for sections of a few dozen instructions. It may be taken on one stack and
// released on another (a parking fiber leaves that to whoever runs next on its worker). After a short spin the
// waiter gives its processor away: with more workers than processors the holder may have been preempted.
//
// Rejected: a ticket lock (a preempted ticket holder stops everybody behind it) and a futex lock (a wake-up costs more
// than all the sections here).
#pragma once

#include <atomic>

#include "runtime/base/sys.h"

namespace rondo {

inline void cpu_relax() { __builtin_ia32_pause(); }

class Spinlock {
   public:
    void lock() {
        while (word_.exchange(1, std::memory_order_acquire) != 0) {
            wait();
        }
    }

    bool try_lock() { return word_.exchange(1, std::memory_order_acquire) == 0; }

    void unlock() { word_.store(0, std::memory_order_release); }

   private:
    void wait() const {
        for (int spins = 0; word_.load(std::memory_order_relaxed) != 0; ++spins) {
            spins < kSpinLimit ? cpu_relax() : sys::yield_cpu();
        }
    }

    static constexpr int kSpinLimit = 64;
    std::atomic<uint32_t> word_{0};
};

// Scope guard; std::lock_guard would bring <mutex> into the runtime.
class SpinGuard {
   public:
    explicit SpinGuard(Spinlock& lock) : lock_(lock) { lock_.lock(); }
    ~SpinGuard() { lock_.unlock(); }
    SpinGuard(const SpinGuard&) = delete;
    SpinGuard& operator=(const SpinGuard&) = delete;

   private:
    Spinlock& lock_;
};

}  // namespace rondo
