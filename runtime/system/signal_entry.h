// SPDX-License-Identifier: Apache-2.0
//
// Where the kernel's signals come in: the handler that the kernel knows for every signal that the program handles.
//
//   on a kernel thread that is no worker    the program's handler runs in place, as without Rondo
//   a fault (SIGSEGV …)                     the program's handler runs in place, on the thread that did it
//   the program's code was interrupted on a fiber that is to take the signal
//                                           its handler runs in place, in the signal's frame, and may park there
//   the runtime was interrupted             the signal is recorded in a ring and the loop is hurried; the loop gives it
//                                           to a thread, whose wait it ends
//
// A thread that has something due and does not come by a call that looks (it computes) is interrupted by a timer of its
// kernel thread: the kick. While a kick finds the runtime's own code it comes again.
//
// Nothing is lost or merged: when the ring is nearly full the kernel is told to keep further signals, until the loop
// has emptied it. Only the main thread's kernel thread takes signals for the process, so the ring has one writer, which
// the kernel does not let nest, and one reader on the same kernel thread.
#pragma once

#include "runtime/core/worker.h"
#include "runtime/system/signal_actions.h"

namespace rondo {

// The entry that the kernel calls.
void on_signal(int number, siginfo_t* info, void* context);

// The calling kernel thread is this worker from now on: its mask, its alternate stack and its kicks. `takes_all`: it is
// the process's main thread.
void prepare_worker_signals(Worker& worker, bool takes_all);

// Interrupts the program's code that may run on the worker, so that a due signal reaches it.
void kick_worker(Worker& worker);

// The kernel's mask of a worker: these stay pending in the kernel (for descriptors of signalfd).
void keep_in_kernel(SignalSet set);

// Signals were taken from a queue: what waits in the ring may find memory now.
void room_for_signals();

// prepare: before any worker starts. start: when the caller is the first.
void prepare_signal_entry();
void start_signal_entry();
void reset_signal_entry_in_child();

}  // namespace rondo
