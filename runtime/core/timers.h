// SPDX-License-Identifier: Apache-2.0
//
// One worker's timers: a 4-ary min-heap of (deadline, timer) in which each timer knows its index, so arming and
// disarming are O(log n) and no list is ever walked. Four children share a cache line: a sleep among 100,000 touches
// nine lines. The array is reserved address space for the most timers there can be; it never moves.
//
// Used only on its worker's kernel thread. A timer lives in the parked thread's frame and must be disarmed, or have
// fired, before the frame ends.
//
// Rejected: a timing wheel. Faster to arm, but it rounds deadlines or cascades, and a pass over empty slots is work
// that grows with time instead of with timers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/base/clock.h"
#include "runtime/base/sanitizer.h"

namespace rondo {

struct Timer {
    static constexpr uint32_t kUnarmed = UINT32_MAX;

    Nanoseconds deadline = kNever;
    void (*expire)(Timer&) = nullptr;
    uint32_t index = kUnarmed;

    bool armed() const { return index != kUnarmed; }
};

class Timers {
   public:
    // False: no address space.
    bool init();
    void release();

    // False when kCapacity timers are armed.
    bool arm(Timer& timer);
    void disarm(Timer& timer);

    // Any thread, by which the answer is of some moment ago.
    RONDO_LOOKS_WITHOUT_LOCK bool empty() const { return count_ == 0; }
    RONDO_LOOKS_WITHOUT_LOCK size_t count() const { return count_; }

    Nanoseconds next_deadline() const { return count_ == 0 ? kNever : heap_[0].deadline; }

    // Calls expire() of each timer due at `now`, earliest first, after disarming it. expire may arm timers.
    void fire(Nanoseconds now);

   private:
    struct Slot {
        Nanoseconds deadline;
        Timer* timer;
    };

    static constexpr size_t kCapacity = 1U << 23;
    static constexpr size_t kFanOut = 4;

    void place(size_t index, Slot slot);
    void sift_up(size_t index, Slot slot);
    void sift_down(size_t index, Slot slot);

    Slot* heap_ = nullptr;
    size_t count_ = 0;
};

}  // namespace rondo
