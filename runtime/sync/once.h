// SPDX-License-Identifier: Apache-2.0
//
// One-time initialisation: 0 new, kDone (glibc's values), or running, with the number of forks that led to this process
// in the upper bits. When the routine is left by cancellation or by an exception the control goes back to new, and one
// of those who wait runs it again. A forked child takes a run of its parent's for new: nobody would end it.
//
// The control has no room for the thread that runs its routine. The runs in progress are in a list, for reports.
#pragma once

#include <atomic>
#include <climits>

#include "runtime/base/list.h"
#include "runtime/base/spinlock.h"

namespace rondo {

class Once {
   public:
    // A routine that is being run; lies in the runner's frame.
    struct Run : ListNode {
        Once* once;
        uint64_t runner;
    };

    void call(void (*routine)());

    // Ends a run: done, or new again.
    static void settle(Run& run, bool completed);

    // The handle of the thread that runs the routine of the control there, or 0: nobody, or the list is being changed.
    // Any thread; the control is not touched.
    static uint64_t runner_of(const void* once);

    // The list's lock is held across a fork; a child keeps the caller's own runs.
    static Spinlock& fork_lock();
    static void after_fork_in_child();

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
