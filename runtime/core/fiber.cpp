// SPDX-License-Identifier: Apache-2.0
//
// A thread's beginning and end. The end has an order that joiners rely on: result stored, key destructors run, off the
// stack for good, and only then join_state becomes `ended`, by the exchange that is the last touch of an unawaited
// block: a joiner on another worker may reuse the stack at once.

#include "runtime/core/fiber.h"

#include <cerrno>
#include <cstdlib>
#include <new>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"
#include "runtime/core/worker.h"

namespace rondo {

std::atomic<int64_t> live_fibers{0};
std::atomic<Fiber*> adopted_fiber{nullptr};
KeptCaller kept_caller;

namespace {

std::atomic<uint64_t> next_id{2};

// Tops at equal offsets would compete for the same cache sets once there are many stacks.
constexpr uint32_t kColours = 16;
constexpr size_t kColourBytes = 64;

// A new thread blocks what its creator blocks.
SignalSet inherited_mask() {
    if (const Fiber* creator = current_fiber()) {
        return creator->rest->signals.mask.load(std::memory_order_relaxed);
    }
    SignalSet mask = 0;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, 0, sys::to_arg(&mask), sizeof mask);
    return mask;
}

void wake_joiner(std::atomic<JoinState>& join_state) {
    WaitQueue queue(&join_state);
    Waiter* joiner = queue.claim_first();
    queue.unlock();
    if (joiner != nullptr) {
        release(*joiner);
    }
}

}  // namespace

Fiber* Fiber::create(Start start, void* arg, size_t stack_bytes) {
    Worker* here = self_;
    Stack stack = StackPool::instance().take(stack_bytes, here != nullptr ? here->stacks() : nullptr);
    if (!stack) {
        return nullptr;
    }
    size_t colour = (stack.slot % kColours) * kColourBytes;
    constexpr size_t kRestBytes = (sizeof(FiberRest) + 63) & ~size_t{63};
    auto* rest = new (stack.top() - colour - kRestBytes) FiberRest;
    rest->start = start;
    rest->arg = arg;
    rest->signals.mask.store(inherited_mask(), std::memory_order_relaxed);
    auto* fiber = new (beside(stack)) Fiber;
    fiber->rest = rest;
    fiber->stack = stack;
    fiber->handle = reinterpret_cast<uint64_t>(fiber);
    fiber->id = next_id.fetch_add(1, std::memory_order_relaxed);
    fiber->context.make(stack.low(), rest, entry);
    return fiber;
}

Fiber* Fiber::from_handle(uint64_t handle) {
    Fiber* adopted = adopted_fiber.load(std::memory_order_acquire);
    if (adopted != nullptr && adopted->handle == handle) {
        return adopted;
    }
    Stack stack = StackPool::instance().find(reinterpret_cast<void*>(handle));
    if (!stack) {
        return nullptr;
    }
    Fiber* fiber = beside(stack);
    return fiber->state() != FiberState::none ? fiber : nullptr;
}

void Fiber::entry() {
    self_->begin_fiber();
    Fiber* fiber = self_->current();
    fiber->rest->entry_frame = __builtin_frame_address(0);
    finish(fiber->rest->start(fiber->rest->arg));
}

void Fiber::finish(void* result) {
    Fiber* fiber = calling_thread();
    RONDO_CHECK(fiber != nullptr);
    fiber->cancel_bits.fetch_or(kExiting, std::memory_order_relaxed);
    fiber->rest->result = result;
    fiber->rest->locals.run_destructors();
    if (self_ == nullptr) {
        exit(0);
    }
    while ((fiber->cancel_bits.load(std::memory_order_acquire) & (kCancelInFlight | kSignalInFlight)) != 0) {
        fiber->worker->drain_inbox();
        cpu_relax();
    }
    if (fiber->rest->signals.directed.set() != 0) {
        SpinGuard hold(signals_lock);
        fiber->rest->signals.directed.clear();
    }
    if (live_fibers.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        exit(0);
    }
    fiber->worker->leave_for_good({after_last_switch, fiber});
}

void Fiber::after_last_switch(void* ended) {
    auto* fiber = static_cast<Fiber*>(ended);
    fiber->set_state(FiberState::finished);
    fiber->worker->load.fetch_sub(1, std::memory_order_relaxed);
    if (!fiber->adopted) {
        fiber->context.retire();
    }
    JoinState before = fiber->join_state.exchange(JoinState::ended, std::memory_order_acq_rel);
    if (before == JoinState::detached) {
        fiber->reclaim();
    } else if (before == JoinState::awaited) {
        wake_joiner(fiber->join_state);
    }
}

void Fiber::reclaim() {
    set_state(FiberState::none);
    if (adopted) {
        return;
    }
    Worker* here = self_;
    StackPool::instance().give_back(stack, here != nullptr ? here->stacks() : nullptr);
}

int Fiber::join(void** value, Deadline deadline, bool try_only) {
    if (this == calling_thread()) {
        return EDEADLK;
    }
    bool awaiting = false;
    while (join_state.load(std::memory_order_acquire) != JoinState::ended) {
        WaitQueue queue(&join_state);
        JoinState seen = join_state.load(std::memory_order_acquire);
        bool open = seen == JoinState::joinable || (seen == JoinState::awaited && awaiting);
        if (!open || try_only) {
            queue.unlock();
            if (seen == JoinState::ended) {
                break;
            }
            return open ? EBUSY : EINVAL;
        }
        if (!join_state.compare_exchange_strong(seen, JoinState::awaited, std::memory_order_acq_rel)) {
            queue.unlock();
            continue;
        }
        awaiting = true;
        Waiter waiter(WaitReason::join, &join_state);
        waiter.cancellable = true;
        waiter.interruptible = true;
        WakeCause cause = queue.park_back(waiter, deadline);
        seen = JoinState::awaited;
        if (cause != WakeCause::woken && join_state.compare_exchange_strong(seen, JoinState::joinable)) {
            cancellation_point();
            if (cause == WakeCause::timed_out) {
                return ETIMEDOUT;
            }
            awaiting = false;
        }
        if (cause == WakeCause::interrupted) {
            interrupted(Restart::always);
        }
    }
    if (value != nullptr) {
        *value = rest->result;
    }
    reclaim();
    return 0;
}

int Fiber::detach() {
    JoinState seen = JoinState::joinable;
    if (join_state.compare_exchange_strong(seen, JoinState::detached, std::memory_order_acq_rel)) {
        return 0;
    }
    if (seen != JoinState::ended) {
        return EINVAL;
    }
    reclaim();
    return 0;
}

Line overflow_line(const Fiber& fiber) {
    Line line;
    line << "rondo: stack overflow in thread " << fiber.id;
    if (fiber.rest->name[0] != '\0') {
        line << " \"" << fiber.rest->name << '"';
    }
    line << ": it used more than its " << fiber.stack.bytes() / 1024
         << " KB; RONDO_STACK or pthread_attr_setstacksize gives it more";
    return line;
}

}  // namespace rondo
