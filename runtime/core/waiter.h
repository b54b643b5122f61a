// SPDX-License-Identifier: Apache-2.0
//
// One wait of one thread. It lives in the waiting thread's frame; while the thread is parked, others reach it through
// the wait table (under its bucket's lock), through its worker's timers, or through an I/O operation.
//
// States of `cause`, each step one compare-and-swap:
//   pending -> woken      a waker claimed it (under the bucket lock) and owes the thread a release()
//   pending -> timed_out  its timer fired (on its own worker)
//   pending -> cancelled  a cancellation reached it (on its own worker)
//   pending -> interrupted  a signal reached it (on its own worker); see interrupt.h
//   pending -> io_done    its I/O operation completed (on its own worker)
// Only the winner makes the thread runnable. After that the Waiter is gone: nobody but the thread may touch it.
//
// A kernel thread that is no worker waits here too. It may see `cause` change before the winner has finished with the
// Waiter, so it leaves only when `released` is set, which is the winner's last touch.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/timers.h"

namespace rondo {

class Fiber;
struct IoOp;

enum class WakeCause : uint32_t { pending, woken, timed_out, cancelled, interrupted, io_done };

enum class WaitReason : uint8_t {
    none,
    mutex,
    condvar,
    rwlock_read,
    rwlock_write,
    barrier,
    once,
    semaphore,
    join,
    sleep,
    futex,
    read,
    write,
    accept,
    connect,
    poll,
    offload,
    close,
    child,
    signal,
};
constexpr WaitReason kLastWaitReason = WaitReason::signal;

inline const char* wait_reason_name(WaitReason reason) {
    static constexpr const char* kNames[] = {"none",          "mutex",          "condition variable",
                                             "rwlock (read)", "rwlock (write)", "barrier",
                                             "once",          "semaphore",      "join",
                                             "sleep",         "futex",          "read",
                                             "write",         "accept",         "connect",
                                             "poll",          "offload",        "close",
                                             "child",         "signal"};
    return kNames[static_cast<int>(reason)];
}

// A point in time on a clock. Monotonic deadlines are final; a realtime one is recomputed when its timer fires, for
// the clock may have been set meanwhile.
struct Deadline {
    static constexpr Nanoseconds kInvalid = -1;

    Nanoseconds at = kNever;
    clockid_t clock = CLOCK_MONOTONIC;

    bool never() const { return at == kNever; }
    // A timespec that POSIX calls invalid; an error only for a call that would wait.
    bool invalid() const { return at == kInvalid; }
    bool passed() const { return !never() && at <= clock_now(clock); }
    Nanoseconds monotonic() const {
        if (never() || clock == CLOCK_MONOTONIC) {
            return at;
        }
        return add_ns(now_ns(), at - clock_now(clock));
    }
};

struct Waiter : Timer {
    Waiter(WaitReason why, const void* what) : object(what), reason(why) {}

    bool claim(WakeCause outcome) {
        WakeCause expected = WakeCause::pending;
        return cause.compare_exchange_strong(expected, outcome, std::memory_order_acq_rel, std::memory_order_acquire);
    }

    WakeCause outcome() const { return cause.load(std::memory_order_acquire); }

    std::atomic<WakeCause> cause{WakeCause::pending};
    std::atomic<uint32_t> released{0};  // only for a kernel thread
    const void* object;                 // what it waits for: an address, or a descriptor number
    Fiber* fiber = nullptr;             // null: a kernel thread
    uint64_t since;                     // a fiber's: ticks() when its worker had last looked at I/O; set by park()
    Deadline until;
    WaitReason reason;
    bool cancellable = false;
    bool interruptible = false;  // a signal ends the wait, and the caller asks interrupted()
    bool queued = false;         // in the wait table; guarded by the bucket lock
    uint8_t tag = 0;             // for the kind of object that queued it; guarded by the bucket lock

    // A timeout, cancellation or signal, on the waiter's own worker. Null: claim it and make it runnable. An I/O wait
    // forwards it to the backend, because the kernel may still use the thread's buffer.
    void (*interrupt)(Waiter&, WakeCause) = nullptr;
    IoOp* operation = nullptr;  // what interrupt() is about

    // The wait table's links; guarded by the bucket lock.
    Waiter* next = nullptr;
    Waiter* previous = nullptr;
    Waiter* last = nullptr;             // only in the first waiter of an object
    Waiter* next_object = nullptr;      // only in the first waiter of an object
    Waiter* previous_object = nullptr;  // only in the first waiter of an object
};

}  // namespace rondo
