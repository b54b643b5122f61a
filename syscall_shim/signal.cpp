// SPDX-License-Identifier: Apache-2.0
// signal family: actions, masks, waiting for signals, alternate stacks. docs/signals.md tells who takes a signal.
//
// An action belongs to the process: until the runtime starts it is libc's and the kernel's; the start takes over what
// is there. A mask, a wait and an alternate stack belong to the caller: the runtime's on a Rondo thread, libc's on any
// other. kill, sigqueue, alarm and timers stay libc's, for the kernel brings what they send. The older calls are in
// signal_old.cpp, the jumps out of handlers in jumps.cpp.
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "sanitizer.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(sigaction);
RONDO_REAL(sigprocmask);
RONDO_REAL(pthread_sigmask);
RONDO_REAL(pthread_kill);
RONDO_REAL(pthread_sigqueue);
RONDO_REAL(raise);
RONDO_REAL(sigpending);
RONDO_REAL(sigsuspend);
RONDO_REAL(pause);
RONDO_REAL(sigwait);
RONDO_REAL(sigwaitinfo);
RONDO_REAL(sigtimedwait);
RONDO_REAL(sigaltstack);

}  // namespace

RONDO_EXPORT(int, sigaction, (int number, const struct sigaction* action, struct sigaction* before)) {
    return started() ? rondo_sigaction(number, action, before) : real_sigaction(number, action, before);
}
RONDO_ALIAS(__sigaction, sigaction);

RONDO_EXPORT(int, sigprocmask, (int how, const sigset_t* set, sigset_t* before)) {
    return on_thread() ? rondo_sigprocmask(how, set, before) : real_sigprocmask(how, set, before);
}

RONDO_EXPORT(int, pthread_sigmask, (int how, const sigset_t* set, sigset_t* before)) {
    return on_thread() ? rondo_sigmask(how, set, before) : real_pthread_sigmask(how, set, before);
}

RONDO_EXPORT(int, pthread_kill, (pthread_t thread, int number)) {
    return foreign_self(thread) ? real_pthread_kill(thread, number) : rondo_kill(thread, number);
}

RONDO_EXPORT(int, pthread_sigqueue, (pthread_t thread, int number, const union sigval value)) {
    return foreign_self(thread) ? real_pthread_sigqueue(thread, number, value) : rondo_sigqueue(thread, number, value);
}

RONDO_EXPORT(int, raise, (int number)) { return on_thread() ? rondo_raise(number) : real_raise(number); }
RONDO_ALIAS(gsignal, raise);

RONDO_EXPORT(int, sigpending, (sigset_t * set)) { return on_thread() ? rondo_sigpending(set) : real_sigpending(set); }

RONDO_EXPORT(int, sigsuspend, (const sigset_t* mask)) {
    return on_thread() ? rondo_sigsuspend(mask) : real_sigsuspend(mask);
}
RONDO_ALIAS(__sigsuspend, sigsuspend);

RONDO_EXPORT(int, pause, ()) { return on_thread() ? rondo_pause() : real_pause(); }

RONDO_EXPORT(int, sigwait, (const sigset_t* set, int* number)) {
    return on_thread() ? rondo_sigwait(set, number) : real_sigwait(set, number);
}

RONDO_EXPORT(int, sigwaitinfo, (const sigset_t* set, siginfo_t* info)) {
    return on_thread() ? rondo_sigwaitinfo(set, info) : real_sigwaitinfo(set, info);
}

RONDO_EXPORT(int, sigtimedwait, (const sigset_t* set, siginfo_t* info, const timespec* timeout)) {
    return on_thread() ? rondo_sigtimedwait(set, info, timeout) : real_sigtimedwait(set, info, timeout);
}
RONDO_ALIAS(__sigtimedwait, sigtimedwait);

RONDO_EXPORT(int, sigaltstack, (const stack_t* stack, stack_t* before)) {
    if (sanitizer_starts() || in_sanitizer()) return real_sigaltstack(stack, before);
    return on_thread() ? rondo_sigaltstack(stack, before) : real_sigaltstack(stack, before);
}
