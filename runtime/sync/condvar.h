// SPDX-License-Identifier: Apache-2.0
//
// Condition variable. One word says whether anyone may wait, so that a signal to nobody is one load; the waiters
// themselves are in the wait table under the variable's address.
//
// A waiter queues before it gives up the mutex, and under the bucket lock, so whoever takes the mutex next finds it.
// A signal claims exactly one waiter that has not timed out or been cancelled: a signal is never lost to one that left.
// The word is cleared under the bucket lock, and only by a thread that found the queue empty; a waiter that times out
// does not touch the variable, which a broadcaster may have destroyed by then.
//
// Between processes there is no table: a signal counts, and wakes in the kernel, where waiters sleep on the count that
// they read with the mutex held. They leave in the order of their coming, so a signal wakes one that came before it.
//
// Rejected: moving waiters to the mutex's queue on signal (wait morphing). With fibers the woken thread mostly runs
// after the signaller has given up the mutex, and what remains is another owner of the queue's order.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/waiter.h"
#include "runtime/sync/mutex.h"

namespace rondo {

class Condvar {
   public:
    void init(clockid_t clock, bool shared = false);
    int destroy() const;  // 0 or EBUSY

    // The mutex is held again on return, whatever the result: 0, ETIMEDOUT, EPERM (errorcheck or recursive mutex not
    // held). A cancellation unwinds with the mutex held.
    int wait(Mutex& mutex, Deadline deadline);
    void signal();
    void broadcast();

    clockid_t clock() const { return clock_; }

   private:
    static int wake_for_no_reason(Mutex& mutex);
    int wait_shared(Mutex& mutex, Deadline deadline);
    void wake_shared(int count);

    std::atomic<uint32_t> waiters_;  // 0: nobody waits; set and cleared under the bucket lock
    clockid_t clock_;                // as pthread_condattr_setclock says; 0 is CLOCK_REALTIME
    bool shared_;                    // between processes; constant
    std::atomic<uint32_t> signals_;  // of a shared one: how many there were; what its waiters sleep on
};

}  // namespace rondo
