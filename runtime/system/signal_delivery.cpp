// SPDX-License-Identifier: Apache-2.0
//
// See signal_delivery.h. signals_lock guards the process's queue, the list of waiting threads and every thread's queue.

#include "runtime/system/signal_delivery.h"

#include <ucontext.h>

#include <cerrno>
#include <cstring>

#include "runtime/core/cancel.h"
#include "runtime/core/workers.h"
#include "runtime/system/signal_entry.h"

namespace rondo {

namespace {

constexpr int kFirstQueuing = 32;  // from here on each arrival is queued, also while it is blocked

struct SignalWait : ListNode {
    SignalWait(Fiber& who, SignalSet what, siginfo_t& where)
        : fiber(&who), wanted(what), info(&where), waiter(WaitReason::signal, nullptr) {}
    Fiber* fiber;
    SignalSet wanted;
    siginfo_t* info;
    Waiter waiter;
};

SignalQueue process_queue;
constinit List<SignalWait> waiting;

SignalSet blocked_by(const Fiber& fiber) { return fiber.rest->signals.mask.load(std::memory_order_relaxed); }

bool is_alive(const Fiber& fiber) {
    FiberState state = fiber.state();
    return state != FiberState::none && state != FiberState::finished &&
           (fiber.cancel_bits.load(std::memory_order_relaxed) & kExiting) == 0;
}

Fiber* main_fiber() {
    Fiber* main = adopted_fiber.load(std::memory_order_acquire);
    return main != nullptr && is_alive(*main) ? main : nullptr;
}

bool main_takes(int number) {
    const Fiber* main = main_fiber();
    return main != nullptr && (blocked_by(*main) & signal_bit(number)) == 0;
}

// Under the lock. A thread in sigwait takes it out of turn.
SignalWait* claim_waiting(int number, const Fiber* only) {
    for (SignalWait* each = waiting.front(); each != nullptr; each = waiting.after(*each)) {
        bool wants = (each->wanted & signal_bit(number)) != 0 && (only == nullptr || only == each->fiber);
        if (wants && each->waiter.claim(WakeCause::woken)) {
            each->unlink();
            return each;
        }
    }
    return nullptr;
}

bool hand_to_waiting(const siginfo_t& info, const Fiber* only) {
    signals_lock.lock();
    SignalWait* found = claim_waiting(info.si_signo, only);
    if (found != nullptr) {
        *found->info = info;
    }
    signals_lock.unlock();
    if (found != nullptr) {
        release(found->waiter);
    }
    return found != nullptr;
}

void deliver_message(Message& message) {
    auto& fiber = *static_cast<Fiber*>(message.subject);
    fiber.cancel_bits.fetch_and(~kSignalInFlight, std::memory_order_release);
    interrupt_fiber(fiber);
}

// The fiber learns that it has something to take: in place on its own worker, else by a message, which ends its wait,
// and by a kick, for it may be running the program's code, and may have done so ever since the message of an earlier
// signal was sent. A worker that sleeps handles its messages before it runs anything.
void notify(Fiber& fiber) {
    if (fiber.worker == self_) {
        interrupt_fiber(fiber);
        return;
    }
    uint32_t bits = fiber.cancel_bits.load(std::memory_order_relaxed);
    do {
        if ((bits & kExiting) != 0) {
            return;
        }
    } while (!fiber.cancel_bits.compare_exchange_weak(bits, bits | kSignalInFlight, std::memory_order_acq_rel));
    fiber.signal_due.store(true, std::memory_order_seq_cst);
    Worker& worker = *fiber.worker;
    if ((bits & kSignalInFlight) == 0) {
        fiber.rest->signals.message.run = deliver_message;
        fiber.rest->signals.message.subject = &fiber;
        worker.post(fiber.rest->signals.message);
    }
    if (!worker.view().asleep) {
        kick_worker(worker);
    }
}

// Any live thread that does not block it.
Fiber* find_taker(int number) {
    for (size_t i = 0; StackSlab* slab = StackPool::instance().slab(i); ++i) {
        uint32_t used = slab->used.load(std::memory_order_acquire);
        for (uint32_t slot = 0; slot < used; ++slot) {
            Fiber* fiber = Fiber::beside({slab, slot});
            if (is_alive(*fiber) && (blocked_by(*fiber) & signal_bit(number)) == 0) {
                return fiber;
            }
        }
    }
    return nullptr;
}

// What the fiber may take: its own signals, and the process's unless they are main's.
bool take_due(Fiber& fiber, bool for_main, siginfo_t& info) {
    SignalSet open = ~blocked_by(fiber);
    FiberSignals& signals = fiber.rest->signals;
    SpinGuard hold(signals_lock);
    if (signals.directed.take(open, info)) {
        return true;
    }
    const Fiber* main = main_fiber();
    SignalSet mains = main == nullptr || main == &fiber || for_main ? 0 : ~blocked_by(*main);
    return process_queue.take(open & ~mains, info);
}

void queue_raised(FiberSignals& signals) {
    SignalSet raised = signals.raised.exchange(0, std::memory_order_relaxed);
    for (int number = 1; raised != 0; ++number, raised >>= 1) {
        if ((raised & 1) != 0 && (signals.directed.set() & signal_bit(number)) == 0) {
            siginfo_t info{};
            info.si_signo = number;
            info.si_code = SI_USER;
            info.si_pid = sys::getpid();
            SpinGuard hold(signals_lock);
            signals.directed.push(info);
        }
    }
}

// Main is on its way to a signal that another thread has taken: what main waits in fails as if it had run the handler.
void fail_mains_call(const Fiber& taker) {
    Fiber* main = main_fiber();
    if (main != nullptr && main != &taker && main->worker == self_ &&
        main->signal_due.load(std::memory_order_relaxed)) {
        main->rest->signals.must_fail = true;
    }
}

}  // namespace

bool accept_process_signal(const siginfo_t& info) {
    int number = info.si_signo;
    SignalAction action = program_action(number);
    if (hand_to_waiting(info, nullptr)) {
        return true;
    }
    Fiber* taker = main_takes(number) ? main_fiber() : find_taker(number);
    if (action.ignores() ||
        (action.is_default() && (kIgnoredByDefault & signal_bit(number)) != 0 && taker != nullptr)) {
        return true;
    }
    if (action.is_default() && taker != nullptr) {
        act_by_default(number);
        return true;
    }
    {
        SpinGuard hold(signals_lock);
        bool coalesces = taker == nullptr && number < kFirstQueuing;
        if (coalesces && (process_queue.set() & signal_bit(number)) != 0) {
            return true;
        }
        if (!process_queue.push(info)) {
            return false;
        }
    }
    if (taker != nullptr) {
        notify(*taker);
    }
    return true;
}

bool run_handler(Fiber& fiber, siginfo_t& info, void* context) {
    int number = info.si_signo;
    SignalAction action = program_action(number);
    if (action.is_default()) {
        act_by_default(number);
    }
    if (!action.handles()) {
        return true;
    }
    reset_if_one_shot(number, action);
    ucontext_t stand_in;
    if (context == nullptr) {
        memset(&stand_in, 0, sizeof stand_in);
        context = &stand_in;
    }
    SignalSet own = (action.flags & SA_NODEFER) != 0 ? 0 : signal_bit(number);
    std::atomic<SignalSet>& mask = fiber.rest->signals.mask;
    auto* kernels = reinterpret_cast<SignalSet*>(&static_cast<ucontext_t*>(context)->uc_sigmask);
    SignalSet of_the_kernel = *kernels;
    *kernels = mask.load(std::memory_order_relaxed);
    mask.store((*kernels | action.mask | own) & ~kUnblockable, std::memory_order_relaxed);
    action.handler(number, &info, context);
    mask.store(*kernels & ~kUnblockable, std::memory_order_relaxed);
    *kernels = of_the_kernel;
    return action.restarts();
}

bool run_due_signals(Fiber& fiber, Restart restart, bool for_main) {
    FiberSignals& signals = fiber.rest->signals;
    bool fails = false;
    siginfo_t info;
    if (!for_main && !fiber.signal_due.load(std::memory_order_relaxed) && !signals.must_fail) {
        return false;
    }
    do {
        fiber.signal_due.store(false, std::memory_order_relaxed);
        if (signals.raised.load(std::memory_order_relaxed) != 0) {
            queue_raised(signals);
        }
        while (take_due(fiber, for_main, info)) {
            room_for_signals();
            SignalAction action = program_action(info.si_signo);
            if (for_main && action.handles() && !action.restarts()) {
                fail_mains_call(fiber);
            }
            bool restarts = run_handler(fiber, info, nullptr);
            fails = fails || (action.handles() && (restart == Restart::never || !restarts));
        }
    } while (fiber.signal_due.load(std::memory_order_relaxed));
    fails = fails || signals.must_fail;
    signals.must_fail = false;
    return fails && restart != Restart::always;
}

int send_to_fiber(Fiber& fiber, const siginfo_t& info) {
    int number = info.si_signo;
    FiberSignals& signals = fiber.rest->signals;
    if (hand_to_waiting(info, &fiber)) {
        return 0;
    }
    SignalAction action = program_action(number);
    bool blocked = (blocked_by(fiber) & signal_bit(number)) != 0;
    if (action.ignores() && !blocked) {
        return 0;
    }
    {
        SpinGuard hold(signals_lock);
        bool there = (signals.directed.set() & signal_bit(number)) != 0;
        if (!(there && number < kFirstQueuing) && !signals.directed.push(info)) {
            return EAGAIN;
        }
        if (!is_alive(fiber)) {
            signals.directed.clear();
        }
    }
    if (!blocked) {
        notify(fiber);
    }
    return 0;
}

void set_mask(Fiber& fiber, SignalSet mask) {
    fiber.rest->signals.mask.store(mask & ~kUnblockable, std::memory_order_relaxed);
    note_blocked(mask);
    if ((queued_for(fiber) & ~mask) != 0) {
        fiber.signal_due.store(true, std::memory_order_relaxed);
    }
}

SignalSet queued_for(const Fiber& fiber) { return fiber.rest->signals.directed.set() | process_queue.set(); }

long wait_for_signal(Fiber& fiber, SignalSet wanted, siginfo_t& info, Deadline deadline) {
    SignalWait wait(fiber, wanted, info);
    wait.waiter.cancellable = true;
    wait.waiter.interruptible = true;
    note_blocked(wanted);
    if (fiber.rest->signals.raised.load(std::memory_order_relaxed) != 0) {
        queue_raised(fiber.rest->signals);
    }
    signals_lock.lock();
    if (fiber.rest->signals.directed.take(wanted, info) || process_queue.take(wanted, info)) {
        signals_lock.unlock();
        return info.si_signo;
    }
    waiting.push_back(wait);
    Unlock unlock{[](void*) { signals_lock.unlock(); }, nullptr};
    WakeCause cause = park(wait.waiter, unlock, deadline);
    if (cause == WakeCause::woken) {
        return info.si_signo;
    }
    {
        SpinGuard hold(signals_lock);
        if (wait.linked()) {
            wait.unlink();
        }
    }
    if (cause == WakeCause::cancelled) {
        cancellation_point();
    }
    return cause == WakeCause::timed_out ? -EAGAIN : -EINTR;
}

void drop_queued_signals() {
    process_queue.clear();
    while (waiting.pop_front() != nullptr) {
    }
}

// A handler of faults is none of those: it is there for what the program itself does wrong, not for what others may
// send.
bool could_fail_with_eintr(const Fiber& fiber, Restart restart) {
    for (int number = 1; number < NSIG; ++number) {
        SignalAction action = program_action(number);
        SignalSet out = kFaults | fiber.rest->signals.mask.load(std::memory_order_relaxed);
        if (action.handles() && (out & signal_bit(number)) == 0 && (restart == Restart::never || !action.restarts())) {
            return true;
        }
    }
    return false;
}

}  // namespace rondo
