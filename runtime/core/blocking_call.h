// SPDX-License-Identifier: Apache-2.0
//
// A system call that waits for somebody else and cannot be parked on: a file lock, a shared futex, a child. On a fiber
// it runs on a kernel thread of its own (io's pool implements this; sync needs it as well, and the two floors meet
// here) while the fiber is parked; on any other kernel thread it is made in place.
//
// The wait ends early by a cancellation, a signal, or the closing of the descriptor that it names. It never unwinds and
// runs no handlers: the caller puts its own affairs in order and then asks fails_with_eintr(). A call that completed
// all the same wins.
#pragma once

#include <cerrno>

#include "runtime/base/interruptible.h"
#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"

namespace rondo {

struct BlockingCall {
    SystemCall call;
    int fd = -1;              // whose closing ends the call, with EBADF
    bool cancellable = true;  // a cancellation ends the call
};

// The result, or -errno; -EINTR when it was ended early. When it returns, nobody uses the caller's memory any more.
long make_blocking_call(const BlockingCall& call);

// After -EINTR: true if that is the answer, false if the call is to be made again. Unwinds when the call is cancellable
// and was cancelled; runs the signal handlers that are due.
inline bool fails_with_eintr(const BlockingCall& call, Restart restart) {
    if (call.cancellable) {
        cancellation_point();
    }
    return interrupted(restart);
}

// Both, until there is another answer than -EINTR.
inline long finish_blocking_call(const BlockingCall& call, Restart restart) {
    for (;;) {
        long result = make_blocking_call(call);
        if (result != -EINTR || fails_with_eintr(call, restart)) {
            return result;
        }
    }
}

}  // namespace rondo
