// SPDX-License-Identifier: Apache-2.0
//
// Which thread takes a signal, and the running of its handler.
//
// A signal to the process waits in one queue until a thread takes it. First in turn is a thread that waits for it
// (sigwait), then the main thread, as on Linux: its call is interrupted. Only if main blocks the signal, or has ended,
// another thread that does not block it is looked for (a walk over all; it is rare). A thread that keeps its worker
// busy while main waits for its turn takes the signal in main's place after a moment (signal_entry.h), and main's call
// still fails with EINTR where it would have. Signals to one thread wait in that thread's queue.
//
// Nothing here runs in a signal handler that interrupted the runtime: locks are taken.
#pragma once

#include "runtime/core/interrupt.h"
#include "runtime/system/signal_actions.h"

namespace rondo {

// A signal for the process that a signal handler recorded: gives it to a waiting thread, or queues it and tells the
// thread that is to take it. False: no memory to queue it; ask again.
bool accept_process_signal(const siginfo_t& info);

// Runs what is due on the fiber, the calling one, and says whether an interrupted call of it must fail. `for_main`: it
// also takes what main would take.
bool run_due_signals(Fiber& fiber, Restart restart, bool for_main);

// Runs the program's handler for one signal on the calling fiber, with the mask that goes with it; true if it restarts
// calls. `context` is a ucontext_t of the kernel's, or null where there is none.
bool run_handler(Fiber& fiber, siginfo_t& info, void* context);

// Sends to one fiber. 0 or EAGAIN.
int send_to_fiber(Fiber& fiber, const siginfo_t& info);

// The fiber's mask becomes this; what it lets through is due.
void set_mask(Fiber& fiber, SignalSet mask);

// Numbers that wait for the fiber or the process.
SignalSet queued_for(const Fiber& fiber);

// Takes one of `wanted`, or parks until one comes. The number, -EAGAIN (deadline) or -EINTR.
long wait_for_signal(Fiber& fiber, SignalSet wanted, siginfo_t& info, Deadline deadline);

// In a forked child.
void drop_queued_signals();

// Whether a handler that the fiber does not block could make a call with this rule fail with EINTR.
bool could_fail_with_eintr(const Fiber& fiber, Restart restart);

}  // namespace rondo
