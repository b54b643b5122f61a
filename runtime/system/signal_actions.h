// SPDX-License-Identifier: Apache-2.0
//
// What the program wants done with each signal, and what the kernel was told. From the runtime's start the program's
// handlers are known here only; the kernel has our entry function instead, with a mask that keeps it from nesting.
// SIG_IGN, and SIG_DFL while no thread blocks the signal, are the kernel's own business: it ignores and kills better
// than we could. A signal that has its default action and was ever blocked by a thread comes to us as well, for masks
// are ours: who may not take it must not be killed by it. So does SIGSEGV, to tell a stack overflow by its name.
//
// An action is read in signal handlers on any kernel thread, so it is guarded by a sequence count, and a writer lets no
// signal interrupt it.
//
// Rejected: telling the kernel the program's sa_mask. It would be the mask of a kernel thread, which other threads
// share.
#pragma once

#include "runtime/core/signal_state.h"

namespace rondo {

constexpr SignalSet kFaults = signal_bit(SIGSEGV) | signal_bit(SIGBUS) | signal_bit(SIGFPE) | signal_bit(SIGILL) |
                              signal_bit(SIGTRAP) | signal_bit(SIGSYS);
constexpr SignalSet kUnblockable = signal_bit(SIGKILL) | signal_bit(SIGSTOP);
constexpr SignalSet kIgnoredByDefault =
    signal_bit(SIGCHLD) | signal_bit(SIGCONT) | signal_bit(SIGURG) | signal_bit(SIGWINCH);
constexpr SignalSet kStopping = signal_bit(SIGTSTP) | signal_bit(SIGTTIN) | signal_bit(SIGTTOU);

using SignalEntry = void (*)(int, siginfo_t*, void*);

// As the kernel has it.
struct SignalAction {
    SignalEntry handler = nullptr;  // may be SIG_DFL or SIG_IGN
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    SignalSet mask = 0;

    // SIG_DFL is 0 and SIG_IGN is 1, for the kernel and for every libc.
    bool is_default() const { return reinterpret_cast<uintptr_t>(handler) == 0; }
    bool ignores() const { return reinterpret_cast<uintptr_t>(handler) == 1; }
    bool handles() const { return !is_default() && !ignores(); }
    bool restarts() const { return (flags & SA_RESTART) != 0; }
};

// Takes over what the program told the kernel so far; from now on its handlers are called by `entry`. Once.
void take_over_actions(SignalEntry entry);

// A signal of our own, which the program gets no other use of: libc's highest that is free. The same at each call.
int own_signal();

// Its handler restarts calls, and nothing interrupts it.
void install_own_signal(SignalEntry entry);

// Gives the program's actions back to the kernel: in a forked child, which starts again.
void give_back_actions();
Spinlock& actions_fork_lock();

// Any thread, also in a signal handler.
SignalAction program_action(int number);

// 0 or EINVAL. `wanted` and `before` may be null.
int change_action(int number, const SignalAction* wanted, SignalAction* before);

// Resets to SIG_DFL what SA_RESETHAND asks for, before the handler runs.
void reset_if_one_shot(int number, const SignalAction& action);

// A thread blocks these from now on.
void note_blocked(SignalSet set);

// The kernel has SIG_DFL for it: the handler of a fault returns, the instruction is repeated, and the process ends
// where it stood, as a debugger and a core should show it.
void let_fault_end_process(int number);

// report() is called in the signal handler before SIGQUIT ends a process that does not handle it. Before
// take_over_actions; a forked child is without it.
void report_before_quit(void (*report)());

// Whether SIGQUIT is to end the process at once, whatever was interrupted: nobody handles it or ever blocked it. Also
// in a signal handler.
bool quit_ends_process();

// Does what SIG_DFL means for a signal that has reached a thread.
void act_by_default(int number);

}  // namespace rondo
