// SPDX-License-Identifier: Apache-2.0
//
// Waiting on a word that several processes map: the kernel's own futex, for no table of ours reaches another process. A
// fiber waits on a kernel thread of its own (core/blocking_call.h); the other side may be any program that uses the
// futex in the same way, as libc does for semaphores.
#pragma once

#include <climits>

#include "runtime/core/blocking_call.h"

namespace rondo {

// 0 or -EAGAIN: look again; -ETIMEDOUT; -EINTR: ended early, and the caller asks cancellation_point() and
// interrupted().
inline long shared_futex_wait(const void* word, uint32_t expected, Deadline deadline, bool cancellable) {
    if (deadline.passed()) {
        return -ETIMEDOUT;
    }
    timespec until = to_timespec(deadline.never() ? 0 : in_kernel_time(deadline.at, deadline.clock));
    long operation = FUTEX_WAIT_BITSET | (deadline.clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0);
    SystemCall wait{SYS_futex,
                    {sys::to_arg(word), operation, expected, sys::to_arg(deadline.never() ? nullptr : &until), 0,
                     static_cast<long>(FUTEX_BITSET_MATCH_ANY)}};
    long result = make_blocking_call({wait, -1, cancellable});
    if (result == -EAGAIN && self_ != nullptr) {
        self_->yield_current();  // also where no kernel thread could be had: whoever changes the word may be on this
                                 // worker
    }
    return result;
}

inline void shared_futex_wake(const void* word, int count) {
    sys::call(SYS_futex, sys::to_arg(word), FUTEX_WAKE, count);
}

}  // namespace rondo
