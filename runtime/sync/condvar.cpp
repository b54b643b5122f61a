// SPDX-License-Identifier: Apache-2.0
//
// See condvar.h. The mutex is released by the party that runs after the waiter's switch, behind the bucket lock:
// release of a mutex never parks.

#include "runtime/sync/condvar.h"

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"
#include "runtime/sync/shared_futex.h"

namespace rondo {

namespace {

struct GivenUp {
    Mutex* mutex;
    uint32_t levels;
};

void give_up(void* held) {
    auto* given_up = static_cast<GivenUp*>(held);
    given_up->levels = given_up->mutex->release_all_levels();
}

}  // namespace

void Condvar::init(clockid_t clock, bool shared) {
    waiters_.store(0, std::memory_order_relaxed);
    clock_ = clock;
    shared_ = shared;
    signals_.store(0, std::memory_order_relaxed);
}

int Condvar::destroy() const {
    if (waiters_.load(std::memory_order_relaxed) == 0) {
        return 0;
    }
    WaitQueue queue(this);
    bool busy = false;
    for (const Waiter* waiter = queue.first(); waiter != nullptr; waiter = queue.after(*waiter)) {
        busy = busy || waiter->outcome() == WakeCause::pending;
    }
    queue.unlock();
    return busy ? EBUSY : 0;
}

int Condvar::wait(Mutex& mutex, Deadline deadline) {
    choice_point("cond_wait");
    cancellation_point();
    if (mutex.checks_owner() && !mutex.held_by_caller()) {
        return EPERM;
    }
    if (choose(ChoiceKind::wake, 2, "cond_wait") != 0) {
        return wake_for_no_reason(mutex);
    }
    if (shared_) {
        return wait_shared(mutex, deadline);
    }
    Waiter waiter(WaitReason::condvar, this);
    waiter.cancellable = true;
    waiter.interruptible = true;
    WaitQueue queue(this);
    waiters_.store(1, std::memory_order_relaxed);
    GivenUp given_up{&mutex, 0};
    WakeCause cause = queue.park_back(waiter, deadline, {give_up, &given_up});
    if (cause == WakeCause::interrupted) {
        interrupted(Restart::always);  // without the mutex; the wake-up that this looks like is a spurious one
    }
    mutex.reacquire(given_up.levels);
    if (cause == WakeCause::cancelled) {
        cancellation_point();
    }
    return cause == WakeCause::timed_out ? ETIMEDOUT : 0;
}

// The others have a chance to take the mutex meanwhile.
int Condvar::wake_for_no_reason(Mutex& mutex) {
    uint32_t levels = mutex.release_all_levels();
    self_->yield_current();
    mutex.reacquire(levels);
    cancellation_point();
    return 0;
}

int Condvar::wait_shared(Mutex& mutex, Deadline deadline) {
    uint32_t seen = signals_.load(std::memory_order_relaxed);
    uint32_t levels = mutex.release_all_levels();
    long result = shared_futex_wait(&signals_, seen, deadline, true);
    if (result == -EINTR) {
        interrupted(Restart::always);
    }
    mutex.reacquire(levels);
    if (result == -EINTR) {
        cancellation_point();
    }
    return result == -ETIMEDOUT ? ETIMEDOUT : 0;
}

void Condvar::wake_shared(int count) {
    signals_.fetch_add(1, std::memory_order_relaxed);
    shared_futex_wake(&signals_, count);
}

void Condvar::signal() {
    if (shared_) {
        wake_shared(1);
        return;
    }
    if (waiters_.load(std::memory_order_relaxed) == 0) {
        return;
    }
    WaitQueue queue(this);
    Waiter* waiter = queue.claim_first();
    if (queue.empty()) {
        waiters_.store(0, std::memory_order_relaxed);
    }
    queue.unlock();
    if (waiter != nullptr) {
        release(*waiter);
    }
}

void Condvar::broadcast() {
    if (shared_) {
        wake_shared(INT_MAX);
        return;
    }
    if (waiters_.load(std::memory_order_relaxed) == 0) {
        return;
    }
    WaitQueue queue(this);
    Waiter* all = queue.claim_all();
    waiters_.store(0, std::memory_order_relaxed);
    queue.unlock();
    release_all(all);
}

}  // namespace rondo
