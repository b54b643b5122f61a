// SPDX-License-Identifier: Apache-2.0
//
// The clocks of a run with RONDO_SCHED=seed:N or replay:FILE. Their time is one counter: it starts at 0 with the
// process, advances by a small step at each call of a thread, and jumps to the next deadline when all threads wait. So
// what a program reads from a clock, and whether a timeout comes before a wake-up, is decided by the schedule alone.
//
// Whether a process has such clocks is asked of the environment when a clock is first read, for a program reads clocks
// before it has threads. Advanced by worker 0's kernel thread, and before the start by the main thread; read by all.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>

namespace rondo {

class VirtualClock {
   public:
    static constexpr int64_t kStep = 1000;  // nanoseconds

    static bool used() {
        State state = state_.load(std::memory_order_relaxed);
        return __builtin_expect(state != State::unused, 0) && (state == State::used || look());
    }

    // Clocks of CPU time stand still unless time advances, and begin at 0; CLOCK_REALTIME begins with the year 2000,
    // the others at 1,000 seconds.
    static int64_t now(clockid_t clock);

    static void advance(int64_t nanoseconds) {
        elapsed_.store(elapsed_.load(std::memory_order_relaxed) + nanoseconds, std::memory_order_relaxed);
    }
    static void step() { advance(kStep); }

    // Begins anew, also where the environment was not like that at the first look.
    static void restart();

   private:
    enum class State : uint8_t { unknown, used, unused };

    static bool look();

    static std::atomic<State> state_;
    static std::atomic<int64_t> elapsed_;
};

}  // namespace rondo
