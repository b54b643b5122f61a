// SPDX-License-Identifier: Apache-2.0
//
// Parking and releasing. A cancellation or signal that arrived since the thread last looked is acted on before the
// switch: no message can be handled between that look and the switch, since both happen on the worker's kernel thread.

#include "runtime/core/park.h"

#include <cerrno>

#include "runtime/base/check.h"
#include "runtime/core/cancel.h"
#include "runtime/core/worker.h"

namespace rondo {

namespace {

void arm(Waiter& waiter);

void on_deadline(Timer& timer) {
    auto& waiter = static_cast<Waiter&>(timer);
    if (!waiter.until.passed()) {
        arm(waiter);
        return;
    }
    interrupt_waiter(waiter, WakeCause::timed_out);
}

void arm(Waiter& waiter) {
    waiter.deadline = waiter.until.monotonic();
    waiter.expire = on_deadline;
    RONDO_CHECK(self_->timers().arm(waiter));
}

// Out of line: its frame would be part of each fiber's.
[[gnu::noinline]] WakeCause park_kernel_thread(Waiter& waiter, Unlock unlock, Deadline deadline) {
    if (unlock.run != nullptr) {
        unlock.run(unlock.arg);
    }
    while (waiter.released.load(std::memory_order_acquire) == 0) {
        if (deadline.passed() && waiter.claim(WakeCause::timed_out)) {
            break;
        }
        bool timed = !deadline.never() && waiter.outcome() == WakeCause::pending;
        timespec until = to_timespec(in_kernel_time(deadline.monotonic(), CLOCK_MONOTONIC));
        long result = sys::futex_wait(&waiter.released, 0, timed ? &until : nullptr);
        if (result == -ETIMEDOUT && VirtualClock::used() && waiter.claim(WakeCause::timed_out)) {
            break;  // the clock that the deadline is on may stand still
        }
        if (result == -EINTR && waiter.interruptible && waiter.claim(WakeCause::interrupted)) {
            break;
        }
    }
    return waiter.outcome();
}

void wake_by_message(Message& message) {
    auto* fiber = static_cast<Fiber*>(message.subject);
    fiber->worker->make_ready(*fiber);
}

}  // namespace

// A wait that is over (its thread is ready and has not run yet) is left alone.
void interrupt_waiter(Waiter& waiter, WakeCause cause) {
    if (waiter.outcome() != WakeCause::pending) {
        return;
    }
    if (waiter.interrupt != nullptr) {
        waiter.interrupt(waiter, cause);
    } else if (waiter.claim(cause)) {
        self_->make_ready(*waiter.fiber);
    }
}

WakeCause hold_worker(Waiter& waiter, Unlock unlock) { return park_kernel_thread(waiter, unlock, {}); }

WakeCause park(Waiter& waiter, Unlock unlock, Deadline deadline) {
    Fiber* fiber = current_fiber();
    if (fiber == nullptr) {
        return park_kernel_thread(waiter, unlock, deadline);
    }
    Worker& worker = *fiber->worker;
    waiter.fiber = fiber;
    waiter.since = worker.pass_ticks();
    if (!deadline.never()) {
        waiter.until = deadline;
        arm(waiter);
    }
    fiber->waiting = &waiter;
    fiber->set_state(FiberState::parked);
    if (waiter.cancellable && should_cancel(*fiber)) {
        interrupt_waiter(waiter, WakeCause::cancelled);
    }
    if (waiter.interruptible && fiber->signal_due.load(std::memory_order_relaxed)) {
        interrupt_waiter(waiter, WakeCause::interrupted);
    }
    worker.park_current(unlock);
    fiber->waiting = nullptr;
    if (waiter.armed()) {
        worker.timers().disarm(waiter);
    }
    return waiter.outcome();
}

void release(Waiter& waiter) {
    Fiber* fiber = waiter.fiber;
    if (fiber == nullptr) {
        // The store frees the waiter; waking an address that is no longer a waiter's is harmless.
        void* word = &waiter.released;
        waiter.released.store(1, std::memory_order_release);
        sys::futex_wake(word, 1);
        return;
    }
    if (is_here(fiber->worker)) {
        self_->make_ready(*fiber);
        self_->let_others_run("wake");
        return;
    }
    fiber->wake_message.run = wake_by_message;
    fiber->wake_message.subject = fiber;
    fiber->worker->post(fiber->wake_message);
}

}  // namespace rondo
