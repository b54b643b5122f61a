// SPDX-License-Identifier: Apache-2.0
//
// How a signal ends a wait. A handler runs on the stack of the thread that takes the signal, and never while that
// thread is queued anywhere: so a wait that a signal reaches is first ended completely (out of the wait table, its
// operation complete, its timer disarmed), then the handlers run, and then the call either waits again or fails with
// EINTR, as the kernel's own calls do (ERESTARTSYS).
//
// A wait that can do that says so (Waiter::interruptible) and, when it returns with WakeCause::interrupted, its caller
// asks interrupted(). The others finish first; the handlers then run at the next such wait or when the runtime is left.
//
// What a thread's signals are is the system floor's business; this floor knows only the flag that there are some, and a
// hook. Fiber::signal_due is set on the fiber's worker, or in a signal handler on its kernel thread.
#pragma once

#include "runtime/core/worker.h"

namespace rondo {

enum class Restart : uint8_t {
    never,    // the call fails with EINTR whenever a handler ran: sleeps, poll, waits with a timeout
    allowed,  // … unless all handlers that ran have SA_RESTART: read, accept, sem_wait
    always,   // the call knows no EINTR: locks, joins
};

// Runs the handlers that are due on the calling thread, if any; true if the call must fail with EINTR. Where the
// handlers do not return (siglongjmp, exit) it does not either. On a kernel thread that is no worker they have run.
bool interrupted(Restart restart);

// Whether the call fails with EINTR because the choice source says so: as if a handler had run, where one could.
bool interrupted_by_choice(Restart restart, const char* call);

// The fiber has signals that it does not block: its wait ends, if it is in one that can be interrupted. On its worker.
void interrupt_fiber(Fiber& fiber);

// The calling fiber wrote to a pipe or socket that nobody reads any more: SIGPIPE, for the calls that the loop makes in
// its place.
void raise_broken_pipe(Fiber& fiber);

// What the system floor does about signals; set once, before the first is handled.
struct SignalHooks {
    // Runs what is due on the fiber, the calling one, and answers interrupted().
    bool (*run)(Fiber& fiber, Restart restart);
    // In the loop after Worker::hurry().
    void (*recorded)(Worker& worker);
    // The fiber that has just got the processor has signals due; if it does not come by run() soon, they must reach it.
    void (*due)(Worker& worker);
    // Whether a handler that the fiber does not block could make such a call fail with EINTR.
    bool (*could_fail)(const Fiber& fiber, Restart restart) = nullptr;
};
void set_signal_hooks(const SignalHooks& hooks);
const SignalHooks& signal_hooks();

}  // namespace rondo
