// SPDX-License-Identifier: Apache-2.0
//
// The one way out of a broken invariant, or of a program's fault that leaves nothing to return to. Runs on any stack. A
// panic inside the dump goes straight to the abort.

#include "runtime/base/check.h"

#include <signal.h>

#include <atomic>

#include "runtime/base/print.h"

namespace rondo {

namespace {

std::atomic<void (*)(int)> dump_hook{nullptr};

}  // namespace

// abort() itself would take libc's lock and flush nothing of ours; a blocked or handled SIGABRT must not save us. A
// handler of the program's runs first.
void die() {
    constexpr uint64_t kAbort = 1ULL << (SIGABRT - 1);
    const uint64_t by_default[4] = {};  // the kernel's sigaction
    sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, sys::to_arg(&kAbort), 0, sizeof kAbort);
    sys::call(SYS_tgkill, sys::getpid(), sys::gettid(), SIGABRT);
    sys::call(SYS_rt_sigaction, SIGABRT, sys::to_arg(by_default), 0, sizeof kAbort);
    sys::call(SYS_tgkill, sys::getpid(), sys::gettid(), SIGABRT);
    for (;;) {
        sys::call(SYS_exit_group, 134);
    }
}

void set_panic_hook(void (*dump)(int fd)) { dump_hook.store(dump); }

void end_at_fault(Line& message) {
    message.send(2);
    if (auto* dump = dump_hook.exchange(nullptr)) {
        dump(2);
    }
    die();
}

void panic(const char* what, const char* file, int line) {
    Line message;
    message << "rondo: broken invariant: " << what << " (" << file << ':' << line << ')';
    end_at_fault(message);
}

}  // namespace rondo
