// SPDX-License-Identifier: Apache-2.0
// signal family, the older calls: signal() and System V's and BSD's ways of saying what sigaction and sigprocmask say.
//
// libc's versions would do the same on libc's own sigaction and sigprocmask, behind our back.
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <atomic>

#include "export.h"
#include "guard.h"
#include "real.h"

// libc declares them as deprecated; programs still call them.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace {

using namespace rondo::shim;

RONDO_REAL(sigaction);
RONDO_REAL(sigprocmask);
RONDO_REAL(sigsuspend);

// Bit n - 1: siginterrupt() asked that signal() leaves SA_RESTART out.
constinit std::atomic<unsigned long> interrupting{0};

unsigned long bit(int number) { return 1UL << (number - 1); }

bool is_number(int number) { return number >= 1 && number < NSIG; }

int act(int number, const struct sigaction* action, struct sigaction* before) {
    return started() ? rondo_sigaction(number, action, before) : real_sigaction(number, action, before);
}

int mask(int how, const sigset_t* set, sigset_t* before) {
    return on_thread() ? rondo_sigprocmask(how, set, before) : real_sigprocmask(how, set, before);
}

int suspend(const sigset_t* set) { return on_thread() ? rondo_sigsuspend(set) : real_sigsuspend(set); }

sighandler_t install(int number, sighandler_t handler, int flags) {
    struct sigaction action = {};
    struct sigaction before;
    if (handler == SIG_ERR || !is_number(number)) {
        errno = EINVAL;
        return SIG_ERR;
    }
    action.sa_handler = handler;
    action.sa_flags = flags;
    return act(number, &action, &before) == 0 ? before.sa_handler : SIG_ERR;
}

// Adds or removes one signal of the caller's mask.
int change_mask(int how, int number) {
    sigset_t set;
    sigemptyset(&set);
    return sigaddset(&set, number) == 0 ? mask(how, &set, nullptr) : -1;
}

int pause_without(int number) {
    sigset_t set;
    mask(SIG_BLOCK, nullptr, &set);
    return sigdelset(&set, number) == 0 ? suspend(&set) : -1;
}

// BSD's masks are the first 32 signals, as an int.
sigset_t from_bsd(int bits) {
    sigset_t set;
    sigemptyset(&set);
    memcpy(&set, &bits, sizeof(bits));
    return set;
}

int to_bsd(const sigset_t& set) {
    int bits;
    memcpy(&bits, &set, sizeof(bits));
    return bits;
}

int change_bsd(int how, int bits) {
    sigset_t set = from_bsd(bits);
    sigset_t before;
    return mask(how, &set, &before) == 0 ? to_bsd(before) : -1;
}

int pause_with_bsd(int bits) {
    sigset_t set = from_bsd(bits);
    return suspend(&set);
}

}  // namespace

RONDO_EXPORT(sighandler_t, signal, (int number, sighandler_t handler)) {
    bool restart = is_number(number) && (interrupting.load(std::memory_order_relaxed) & bit(number)) == 0;
    return install(number, handler, restart ? SA_RESTART : 0);
}
RONDO_ALIAS(bsd_signal, signal);
RONDO_ALIAS(ssignal, signal);

RONDO_EXPORT(sighandler_t, sysv_signal, (int number, sighandler_t handler)) {
    return install(number, handler, static_cast<int>(SA_RESETHAND | SA_NODEFER));
}
RONDO_ALIAS(__sysv_signal, sysv_signal);

// SIG_HOLD blocks the signal and leaves the action; the answer is SIG_HOLD if it was blocked before.
RONDO_EXPORT(sighandler_t, sigset, (int number, sighandler_t disposition)) {
    sigset_t before;
    if (change_mask(SIG_BLOCK, number) != 0) return SIG_ERR;
    mask(SIG_BLOCK, nullptr, &before);
    struct sigaction action = {};
    if (disposition == SIG_HOLD) {
        return act(number, nullptr, &action) == 0 ? action.sa_handler : SIG_ERR;
    }
    sighandler_t old = install(number, disposition, 0);
    if (old == SIG_ERR) return SIG_ERR;
    change_mask(SIG_UNBLOCK, number);
    return old;
}

RONDO_EXPORT(int, sighold, (int number)) { return change_mask(SIG_BLOCK, number); }

RONDO_EXPORT(int, sigrelse, (int number)) { return change_mask(SIG_UNBLOCK, number); }

RONDO_EXPORT(int, sigignore, (int number)) { return install(number, SIG_IGN, 0) == SIG_ERR ? -1 : 0; }

RONDO_EXPORT_UNDECLARED(int, __sigpause, (int number_or_mask, int is_number)) {
    return is_number != 0 ? pause_without(number_or_mask) : pause_with_bsd(number_or_mask);
}

RONDO_EXPORT_UNDECLARED(int, __xpg_sigpause, (int number)) { return pause_without(number); }

RONDO_EXPORT_UNDECLARED(int, sigpause, (int bits)) { return pause_with_bsd(bits); }

RONDO_EXPORT(int, siginterrupt, (int number, int interrupt)) {
    struct sigaction action;
    if (!is_number(number) || act(number, nullptr, &action) != 0) {
        errno = EINVAL;
        return -1;
    }
    if (interrupt != 0) {
        interrupting.fetch_or(bit(number), std::memory_order_relaxed);
        action.sa_flags &= ~SA_RESTART;
    } else {
        interrupting.fetch_and(~bit(number), std::memory_order_relaxed);
        action.sa_flags |= SA_RESTART;
    }
    return act(number, &action, nullptr);
}

RONDO_EXPORT_UNDECLARED(int, sigblock, (int bits)) { return change_bsd(SIG_BLOCK, bits); }

RONDO_EXPORT_UNDECLARED(int, sigsetmask, (int bits)) { return change_bsd(SIG_SETMASK, bits); }

RONDO_EXPORT_UNDECLARED(int, siggetmask, ()) { return change_bsd(SIG_BLOCK, 0); }
