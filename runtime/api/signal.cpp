// SPDX-License-Identifier: Apache-2.0
//
// Signals: the C façade. On a Rondo thread masks, waits and sending are the runtime's; on any other kernel thread they
// are the plain system call. Actions belong to the process, so they are the runtime's from its start, for everybody.

#include <signal.h>

#include <cerrno>

#include "runtime/api/result.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/system/runtime.h"
#include "runtime/system/signal_code.h"
#include "runtime/system/signals.h"

using namespace rondo;

namespace {

// libc's set is larger than the kernel's; the rest of it is never used.
const SignalSet* kernel_set(const sigset_t* set) { return reinterpret_cast<const SignalSet*>(set); }

SignalSet* kernel_set(sigset_t* set) { return reinterpret_cast<SignalSet*>(set); }

void clear_beyond(sigset_t* set) {
    if (set != nullptr) {
        sigemptyset(set);
    }
}

long change_mask(int how, const sigset_t* set, sigset_t* before) {
    SignalSet wanted = set != nullptr ? *kernel_set(set) : 0;
    clear_beyond(before);
    const SignalSet* given = set != nullptr ? &wanted : nullptr;
    if (on_fiber()) {
        return signals_mask(how, given, kernel_set(before));
    }
    return sys::call(SYS_rt_sigprocmask, how, sys::to_arg(given), sys::to_arg(before), sizeof wanted);
}

SignalAction to_kernel(const struct sigaction& action) {
    SignalAction wanted;
    wanted.handler = action.sa_sigaction;
    wanted.flags = static_cast<unsigned long>(action.sa_flags);
    wanted.mask = *kernel_set(&action.sa_mask);
    return wanted;
}

void to_libc(const SignalAction& action, struct sigaction& out) {
    constexpr unsigned long kRestorer = 0x04000000;
    out.sa_sigaction = action.handler;
    out.sa_flags = static_cast<int>(action.flags & ~kRestorer);
    sigemptyset(&out.sa_mask);
    *kernel_set(&out.sa_mask) = action.mask;
}

// Before the start, and in a forked child, the caller is the only thread that is known here.
int send_to_caller(int number, int code, sigval value) {
    siginfo_t info{};
    info.si_signo = number;
    info.si_code = code;
    info.si_pid = sys::getpid();
    info.si_uid = static_cast<uid_t>(sys::call(SYS_getuid));
    info.si_value = value;
    return static_cast<int>(-sys::call(SYS_rt_tgsigqueueinfo, info.si_pid, sys::gettid(), number, sys::to_arg(&info)));
}

int send(rondo_t thread, int number, int code, sigval value) {
    if (!runtime_started()) {
        return thread == rondo_self() ? send_to_caller(number, code, value) : ESRCH;
    }
    Fiber* fiber = Fiber::from_handle(thread);
    return fiber != nullptr ? signals_send(*fiber, number, code, value) : ESRCH;
}

long wait_for(const sigset_t* set, siginfo_t* info, const timespec* timeout) {
    if (!on_fiber()) {
        return sys::call(SYS_rt_sigtimedwait, sys::to_arg(set), sys::to_arg(info), sys::to_arg(timeout),
                         sizeof(SignalSet));
    }
    if (timeout != nullptr && !is_valid(*timeout)) {
        return -EINVAL;
    }
    Deadline deadline;
    if (timeout != nullptr) {
        deadline.at = add_ns(now_ns(), to_ns(*timeout));
    }
    return signals_wait(*kernel_set(set), info, deadline);
}

}  // namespace

extern "C" {

int rondo_sigaction(int number, const struct sigaction* wanted, struct sigaction* before) {
    SignalAction old;
    SignalAction next;
    if (wanted != nullptr) {
        next = to_kernel(*wanted);
    }
    int error = change_action(number, wanted != nullptr ? &next : nullptr, before != nullptr ? &old : nullptr);
    if (error == 0 && before != nullptr) {
        to_libc(old, *before);
    }
    return as_int(-error);
}

int rondo_sigmask(int how, const sigset_t* set, sigset_t* before) {
    return static_cast<int>(-change_mask(how, set, before));
}

int rondo_sigprocmask(int how, const sigset_t* set, sigset_t* before) { return as_int(change_mask(how, set, before)); }

int rondo_kill(rondo_t thread, int number) { return send(thread, number, SI_TKILL, sigval{}); }

int rondo_sigqueue(rondo_t thread, int number, const union sigval value) {
    return send(thread, number, SI_QUEUE, value);
}

int rondo_raise(int number) {
    if (!on_fiber()) {
        return as_int(sys::call(SYS_tgkill, sys::getpid(), sys::gettid(), number));
    }
    return as_int(-signals_send(*current_fiber(), number, SI_TKILL, sigval{}));
}

int rondo_sigpending(sigset_t* set) {
    clear_beyond(set);
    if (!on_fiber()) {
        return as_int(sys::call(SYS_rt_sigpending, sys::to_arg(set), sizeof(SignalSet)));
    }
    *kernel_set(set) = signals_pending();
    return 0;
}

int rondo_sigsuspend(const sigset_t* mask) {
    return as_int(on_fiber() ? signals_suspend(kernel_set(mask))
                             : sys::call(SYS_rt_sigsuspend, sys::to_arg(mask), sizeof(SignalSet)));
}

int rondo_pause(void) { return as_int(on_fiber() ? signals_suspend(nullptr) : sys::call(SYS_pause)); }

// 0 or an error number; a handler that runs meanwhile does not end it.
int rondo_sigwait(const sigset_t* set, int* number) {
    long result = -EINTR;
    while (result == -EINTR) {
        result = wait_for(set, nullptr, nullptr);
    }
    if (result < 0) {
        return static_cast<int>(-result);
    }
    *number = static_cast<int>(result);
    return 0;
}

int rondo_sigwaitinfo(const sigset_t* set, siginfo_t* info) { return as_int(wait_for(set, info, nullptr)); }

int rondo_sigtimedwait(const sigset_t* set, siginfo_t* info, const struct timespec* timeout) {
    return as_int(wait_for(set, info, timeout));
}

int rondo_sigaltstack(const stack_t* wanted, stack_t* before) {
    return as_int(on_fiber() ? signals_alternate_stack(wanted, before)
                             : sys::call(SYS_sigaltstack, sys::to_arg(wanted), sys::to_arg(before)));
}

void rondo_defer_signals_in(const void* address) { add_library_of(address); }

}  // extern "C"
