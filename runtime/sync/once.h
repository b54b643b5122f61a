// SPDX-License-Identifier: Apache-2.0
//
// One-time initialisation: 0 new, kRunning, kDone (glibc's values for new and done). When the routine is left by
// cancellation or by an exception the control goes back to new, and one of those who wait runs it again.
#pragma once

#include <atomic>

namespace rondo {

class Once {
   public:
    void call(void (*routine)());

    // Ends a run: done, or new again.
    void settle(bool completed);

   private:
    static constexpr int kNew = 0;
    static constexpr int kRunning = 1;
    static constexpr int kDone = 2;

    bool begin();

    std::atomic<int> state_;
};

static_assert(sizeof(Once) == sizeof(int));

}  // namespace rondo
