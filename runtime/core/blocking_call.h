// SPDX-License-Identifier: Apache-2.0
//
// A system call that waits for somebody else and cannot be parked on: a file lock, a shared futex, a child. On a fiber
// it runs on a kernel thread of its own (io's pool implements this; sync needs it as well, and the two floors meet
// here) while the fiber is parked; on any other kernel thread it is made in place.
//
// The wait ends early by a cancellation, a signal, or the closing of the descriptor that it names. It never unwinds:
// the caller puts its own affairs in order and then asks cancellation_point(). A call that completed all the same wins.
#pragma once

#include "runtime/base/interruptible.h"
#include "runtime/core/waiter.h"

namespace rondo {

struct BlockingCall {
    SystemCall call;
    int fd = -1;              // whose closing ends the call, with EBADF
    bool cancellable = true;  // a cancellation ends the call
};

// The result, or -errno; -EINTR when it was ended early. When it returns, nobody uses the caller's memory any more.
long make_blocking_call(const BlockingCall& call);

}  // namespace rondo
