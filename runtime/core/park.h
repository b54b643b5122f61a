// SPDX-License-Identifier: Apache-2.0
//
// The one primitive under everything that waits. park() suspends the calling thread until somebody wins its Waiter;
// `unlock` runs only when the thread is off its stack, so a waker that takes the lock finds a thread that can be woken.
// A fiber gives its worker to the next ready one; any other kernel thread sleeps on a futex.
#pragma once

#include "runtime/core/waiter.h"

namespace rondo {

struct Unlock {
    void (*run)(void*) = nullptr;
    void* arg = nullptr;
};

WakeCause park(Waiter& waiter, Unlock unlock, Deadline deadline);

// The same for a wait that ends soon, with the whole worker: no other fiber runs until then.
WakeCause hold_worker(Waiter& waiter, Unlock unlock);

// Ends a wait by timeout, cancellation or signal, on the waiter's own worker; an I/O wait asks its backend first.
void interrupt_waiter(Waiter& waiter, WakeCause cause);

// Makes the thread of a claimed waiter runnable. The waiter's memory is gone afterwards. Any thread.
void release(Waiter& waiter);

}  // namespace rondo
