// SPDX-License-Identifier: Apache-2.0
//
// One-time initialisation: 0 new, kDone (glibc's values), or running, with the number of forks that led to this process
// in the upper bits. When the routine is left by cancellation or by an exception the control goes back to new, and one
// of those who wait runs it again. A forked child takes a run of its parent's for new: nobody would end it.
#pragma once

#include <atomic>
#include <climits>

namespace rondo {

class Once {
   public:
    void call(void (*routine)());

    // Ends a run: done, or new again.
    void settle(bool completed);

    static void after_fork_in_child() { forks_ = (forks_ + kForkStep) & INT_MAX; }

   private:
    static constexpr int kNew = 0;
    static constexpr int kRunning = 1;
    static constexpr int kDone = 2;
    static constexpr int kForkStep = 4;

    static int running() { return forks_ | kRunning; }

    bool begin();

    static inline int forks_ = 0;  // in steps of kForkStep

    std::atomic<int> state_;
};

static_assert(sizeof(Once) == sizeof(int));

}  // namespace rondo
