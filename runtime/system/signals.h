// SPDX-License-Identifier: Apache-2.0
//
// The signal calls as a fiber makes them, and the beginning and end of our owning the signals. docs/signals.md draws
// the paths that a signal takes. Results are those of the system call, or -errno.
#pragma once

#include "runtime/core/waiter.h"
#include "runtime/system/signal_actions.h"

namespace rondo {

class Fiber;
class Worker;

// The calling kernel thread, which starts the runtime, takes no signals until signals_started(). Its mask.
SignalSet signals_before_start();
void signals_start_failed(SignalSet mask);
// `main`: the adopted thread, which keeps the mask as its own, or null, and then the kernel thread keeps it.
void signals_started(SignalSet mask, Fiber* main, Worker& first);

// On a worker's own kernel thread, before it runs fibers.
void signals_enter_worker(Worker& worker);

// In a forked child, before it is taken for a thread of the kernel's: the program's actions are the kernel's own again
// and nothing is pending. Returns the mask that the kernel is to have: the caller's, or the given one if it is no
// fiber.
SignalSet signals_after_fork_in_child(SignalSet of_kernel_thread);

// The locks that a fork must hold.
void visit_signal_locks(void (*visit)(Spinlock&));

// how: SIG_BLOCK, SIG_UNBLOCK or SIG_SETMASK. Signals that are let through are handled before the return.
long signals_mask(int how, const SignalSet* set, SignalSet* before);

// 0, ESRCH, EINVAL or EAGAIN (an error number). A signal to the caller is handled before the return.
int signals_send(Fiber& target, int number, int code, sigval value);

SignalSet signals_pending();

// The calling fiber's mask for the time of one call (ppoll, pselect, epoll_pwait); null leaves it.
class TemporaryMask {
   public:
    explicit TemporaryMask(const sigset_t* mask);
    TemporaryMask(const TemporaryMask&) = delete;
    TemporaryMask& operator=(const TemporaryMask&) = delete;
    ~TemporaryMask();

   private:
    const bool replaced_;
    SignalSet before_ = 0;
};

// The number, -EAGAIN or -EINTR.
long signals_wait(SignalSet wanted, siginfo_t* info, Deadline deadline);

// Parks until a handler has run; null: with the present mask. Always -EINTR.
long signals_suspend(const SignalSet* mask);

long signals_alternate_stack(const stack_t* wanted, stack_t* before);

// Descriptors of signalfd were asked for these: while main blocks them, they stay in the kernel for those to read.
void signals_for_descriptor(SignalSet set);

}  // namespace rondo
