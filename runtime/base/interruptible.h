// SPDX-License-Identifier: Apache-2.0
//
// A blocking system call that another thread can end, without a race. The caller passes the address of a stop word; who
// wants the call to end sets the word and then sends kInterruptSignal to the kernel thread.
//
// Three cases: the word was set before it is looked at, and the call is not made; the signal comes while the kernel
// waits, and the call returns -EINTR; it comes in the few instructions between the look and the `syscall`, and the
// handler moves the thread past them. A call that has completed keeps its result: then the thread is behind the
// instruction. This is how musl's cancellation points work.
//
// The signal is the number that libc keeps for pthread_cancel (no program can handle or send it by libc); libc's own
// handler, where it has one, still gets the signals that are not ours.
//
// Rejected: a signal with an empty handler (one that comes before the `syscall` is lost, and the call waits for ever);
// polling with short timeouts (not every call takes one).
#pragma once

#include <atomic>
#include <cstdint>

namespace rondo {

constexpr int kInterruptSignal = 32;

struct SystemCall {
    long number;
    long args[6];
};

// The result, or -errno; -EINTR when the word was set first. Only on a thread that called accept_interrupts().
long interruptible_call(const std::atomic<uint32_t>& stop, const SystemCall& call);

// Lets the calling kernel thread be interrupted from now on; an interruption meant for an earlier call is used up.
void accept_interrupts();

// Sends the signal to a kernel thread of this process, which must exist.
void interrupt_thread(int tid);

// The code that a signal handler returns to, which rt_sigaction wants to be told.
extern "C" void rondo_signal_return();

}  // namespace rondo
