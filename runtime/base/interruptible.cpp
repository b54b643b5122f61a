// SPDX-License-Identifier: Apache-2.0
//
// See interruptible.h. The second piece of x86-64 code of the runtime, after the raw system call of sys.h. Compiled
// without the thread sanitizer, as all that our signal handlers run (system/signal_entry.cpp).

#include "runtime/base/interruptible.h"

#include <signal.h>
#include <ucontext.h>

#include "runtime/base/sys.h"

// long rondo_interruptible_call(const uint32_t* stop, const SystemCall* call)
// From `window` on the thread has yet to look at the word or to enter the kernel; at `window_end` it is back.
asm(R"(
    .pushsection .text
    .hidden rondo_interruptible_call, rondo_call_window, rondo_call_window_end, rondo_call_stopped
    .global rondo_interruptible_call, rondo_call_window, rondo_call_window_end, rondo_call_stopped
    .type rondo_interruptible_call, @function
rondo_interruptible_call:
    .cfi_startproc
    mov %rdi, %rcx
    mov %rsi, %r11
    mov 0(%r11), %rax
    mov 8(%r11), %rdi
    mov 16(%r11), %rsi
    mov 24(%r11), %rdx
    mov 32(%r11), %r10
    mov 40(%r11), %r8
    mov 48(%r11), %r9
rondo_call_window:
    cmpl $0, (%rcx)
    jne rondo_call_stopped
    syscall
rondo_call_window_end:
    ret
rondo_call_stopped:
    mov $-4, %rax
    ret
    .cfi_endproc
    .size rondo_interruptible_call, . - rondo_interruptible_call

    .hidden rondo_signal_return
    .global rondo_signal_return
    .type rondo_signal_return, @function
    nop
rondo_signal_return:
    mov $15, %rax
    syscall
    .size rondo_signal_return, . - rondo_signal_return
    .popsection
)");

extern "C" {
long rondo_interruptible_call(const void* stop, const rondo::SystemCall* call);
extern const char rondo_call_window[];
extern const char rondo_call_window_end[];
extern const char rondo_call_stopped[];
}

namespace rondo {

namespace {

using Handler = void (*)(int, siginfo_t*, void*);

struct KernelAction {
    Handler handler;
    unsigned long flags;
    void (*restorer)();
    uint64_t mask;
};

constexpr unsigned long kRestorer = 0x04000000;  // SA_RESTORER of the kernel's headers

std::atomic<Handler> libc_handler{nullptr};

__attribute__((no_sanitize("address"))) void on_interrupt(int number, siginfo_t* info, void* context) {
    auto& at = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    auto place = reinterpret_cast<const char*>(at);
    if (place >= rondo_call_window && place < rondo_call_window_end) {
        at = reinterpret_cast<greg_t>(rondo_call_stopped);
        return;
    }
    Handler theirs = libc_handler.load(std::memory_order_relaxed);
    if (info->si_code != SI_QUEUE && theirs != nullptr) {
        theirs(number, info, context);
    }
}

// Again before each use: libc installs its own when a program first calls its pthread_cancel.
void install() {
    KernelAction ours{on_interrupt, SA_SIGINFO | kRestorer, rondo_signal_return, 0};
    KernelAction before{};
    sys::call(SYS_rt_sigaction, kInterruptSignal, sys::to_arg(&ours), sys::to_arg(&before), sizeof before.mask);
    if (before.handler != on_interrupt && (before.flags & SA_SIGINFO) != 0) {
        libc_handler.store(before.handler, std::memory_order_relaxed);
    }
}

}  // namespace

long interruptible_call(const std::atomic<uint32_t>& stop, const SystemCall& call) {
    return rondo_interruptible_call(&stop, &call);
}

void accept_interrupts() {
    install();
    uint64_t mask = 1ULL << (kInterruptSignal - 1);
    sys::call(SYS_rt_sigprocmask, SIG_UNBLOCK, sys::to_arg(&mask), 0, sizeof mask);
}

void interrupt_thread(int tid) {
    install();
    siginfo_t info{};
    info.si_signo = kInterruptSignal;
    info.si_code = SI_QUEUE;
    info.si_pid = sys::getpid();
    long sent = sys::call(SYS_rt_tgsigqueueinfo, info.si_pid, tid, kInterruptSignal, sys::to_arg(&info));
    if (sent < 0) {  // the user's limit of queued signals: the plain signal needs no room
        sys::call(SYS_tgkill, info.si_pid, tid, kInterruptSignal);
    }
}

}  // namespace rondo
