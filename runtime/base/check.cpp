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

// abort() itself would take libc's lock and flush nothing of ours; a blocked or handled SIGABRT must not save us.
[[noreturn]] void die() {
    sys::call(SYS_tgkill, sys::getpid(), sys::gettid(), SIGABRT);
    for (;;) {
        sys::call(SYS_exit_group, 134);
    }
}

}  // namespace

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
