// SPDX-License-Identifier: Apache-2.0
//
// See signals.h.

#include "runtime/system/signals.h"

#include <sys/syscall.h>

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/system/signal_delivery.h"
#include "runtime/system/signal_entry.h"

namespace rondo {

namespace {

constexpr size_t kLeastAlternate = 2048;  // MINSIGSTKSZ

std::atomic<SignalSet> for_descriptors{0};

SignalSet change_kernel_mask(SignalSet mask) {
    SignalSet before = 0;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&mask), sys::to_arg(&before), sizeof mask);
    return before;
}

SignalSet mask_of(const Fiber& fiber) { return fiber.rest->signals.mask.load(std::memory_order_relaxed); }

void keep_for_descriptors(const Fiber& fiber) {
    SignalSet wanted = for_descriptors.load(std::memory_order_relaxed);
    if (wanted != 0 && fiber.adopted) {
        keep_in_kernel(wanted & mask_of(fiber));
    }
}

void put_mask(Fiber& fiber, SignalSet mask) {
    set_mask(fiber, mask);
    keep_for_descriptors(fiber);
}

}  // namespace

SignalSet signals_before_start() {
    prepare_signal_entry();
    return change_kernel_mask(~SignalSet{0});
}

void signals_start_failed(SignalSet mask) { change_kernel_mask(mask); }

void signals_started(SignalSet mask, Fiber* main, Worker& first) {
    start_signal_entry();
    if (main == nullptr) {
        change_kernel_mask(mask);
        return;
    }
    FiberSignals& signals = main->rest->signals;
    sys::call(SYS_sigaltstack, 0, sys::to_arg(&signals.alternate));
    set_mask(*main, mask);
    prepare_worker_signals(first, true);
}

void signals_enter_worker(Worker& worker) { prepare_worker_signals(worker, false); }

SignalSet signals_after_fork_in_child(SignalSet of_kernel_thread) {
    const Fiber* fiber = current_fiber();
    give_back_actions();
    drop_queued_signals();
    reset_signal_entry_in_child();
    for_descriptors.store(0);
    return fiber != nullptr ? mask_of(*fiber) : of_kernel_thread;
}

void visit_signal_locks(void (*visit)(Spinlock&)) {
    visit(signals_lock);
    visit(actions_fork_lock());
}

long signals_mask(int how, const SignalSet* set, SignalSet* before) {
    Fiber& fiber = *current_fiber();
    SignalSet old = mask_of(fiber);
    if (set != nullptr) {
        if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK) {
            return -EINVAL;
        }
        SignalSet wanted = *set;
        put_mask(fiber, how == SIG_BLOCK ? old | wanted : how == SIG_UNBLOCK ? old & ~wanted : wanted);
    }
    if (before != nullptr) {
        *before = old;
    }
    if (fiber.signal_due.load(std::memory_order_relaxed)) {
        interrupted(Restart::always);
    }
    return 0;
}

// What it lets through and is pending interrupts the call's wait.
TemporaryMask::TemporaryMask(const sigset_t* mask) : replaced_(mask != nullptr) {
    if (replaced_) {
        before_ = mask_of(*current_fiber());
        put_mask(*current_fiber(), *reinterpret_cast<const SignalSet*>(mask));
    }
}

TemporaryMask::~TemporaryMask() {
    if (replaced_) {
        put_mask(*current_fiber(), before_);
    }
}

int signals_send(Fiber& target, int number, int code, sigval value) {
    if (number < 0 || number > kLastSignal) {
        return EINVAL;
    }
    bool ended = target.state() == FiberState::finished;
    if (number == 0 || ended) {
        return 0;
    }
    if ((kUnblockable & signal_bit(number)) != 0) {
        return static_cast<int>(-sys::call(SYS_kill, sys::getpid(), number));
    }
    siginfo_t info{};
    info.si_signo = number;
    info.si_code = code;
    info.si_pid = sys::getpid();
    info.si_uid = static_cast<uid_t>(sys::call(SYS_getuid));
    info.si_value = value;
    int error = send_to_fiber(target, info);
    if (&target == current_fiber() && target.signal_due.load(std::memory_order_relaxed)) {
        interrupted(Restart::always);
    }
    return error;
}

SignalSet signals_pending() {
    const Fiber& fiber = *current_fiber();
    SignalSet in_kernel = 0;
    sys::call(SYS_rt_sigpending, sys::to_arg(&in_kernel), sizeof in_kernel);
    return (queued_for(fiber) | (in_kernel & for_descriptors.load(std::memory_order_relaxed))) & mask_of(fiber);
}

long signals_wait(SignalSet wanted, siginfo_t* info, Deadline deadline) {
    cancellation_point();
    siginfo_t room;
    siginfo_t& taken = info != nullptr ? *info : room;
    for (;;) {
        long result = wait_for_signal(*current_fiber(), wanted & ~kUnblockable, taken, deadline);
        if (result != -EINTR || interrupted(Restart::never)) {
            return result;
        }
    }
}

long signals_suspend(const SignalSet* mask) {
    cancellation_point();
    Fiber& fiber = *current_fiber();
    SignalSet before = mask_of(fiber);
    if (mask != nullptr) {
        put_mask(fiber, *mask);
    }
    for (;;) {
        Waiter waiter(WaitReason::signal, nullptr);
        waiter.cancellable = true;
        waiter.interruptible = true;
        if (park(waiter, {}, {}) == WakeCause::cancelled) {
            put_mask(fiber, before);
            cancellation_point();
        }
        if (interrupted(Restart::never)) {
            put_mask(fiber, before);
            interrupted(Restart::always);
            return -EINTR;
        }
    }
}

long signals_alternate_stack(const stack_t* wanted, stack_t* before) {
    stack_t& own = current_fiber()->rest->signals.alternate;
    auto* here = static_cast<const char*>(__builtin_frame_address(0));
    auto* low = static_cast<const char*>(own.ss_sp);
    bool on_it = (own.ss_flags & SS_DISABLE) == 0 && here >= low && here < low + own.ss_size;
    if (before != nullptr) {
        *before = own;
        before->ss_flags = on_it ? SS_ONSTACK : own.ss_flags;
    }
    if (wanted == nullptr) {
        return 0;
    }
    if (on_it) {
        return -EPERM;
    }
    constexpr int kAutoDisarm = static_cast<int>(1U << 31);
    int mode = wanted->ss_flags & ~kAutoDisarm;
    if (mode != 0 && mode != SS_DISABLE && mode != SS_ONSTACK) {
        return -EINVAL;
    }
    if (mode != SS_DISABLE && wanted->ss_size < kLeastAlternate) {
        return -ENOMEM;
    }
    own = mode == SS_DISABLE ? stack_t{nullptr, SS_DISABLE, 0} : stack_t{wanted->ss_sp, 0, wanted->ss_size};
    return 0;
}

void signals_for_descriptor(SignalSet set) {
    for_descriptors.fetch_or(set & ~kUnblockable, std::memory_order_relaxed);
    Fiber* main = adopted_fiber.load(std::memory_order_acquire);
    if (main != nullptr && self_ == main->worker) {
        keep_for_descriptors(*main);
    }
}

}  // namespace rondo
