// SPDX-License-Identifier: Apache-2.0
//
// The system calls in progress on kernel threads (core/blocking_call.h): each is known by the descriptor that it names,
// so that a close can end it before the number is free.
#pragma once

#include "runtime/base/spinlock.h"

namespace rondo {

// Ends the calls that name the descriptor, with EBADF, and returns when they are over. The number must be closing, so
// that no new call begins.
void stop_thread_calls(int fd);

// Held across a fork; and in a forked child: there are no calls.
Spinlock& thread_calls_fork_lock();
void forget_thread_calls();

}  // namespace rondo
