// SPDX-License-Identifier: Apache-2.0
//
// See interrupt.h.

#include "runtime/core/interrupt.h"

#include <atomic>

namespace rondo {

namespace {

std::atomic<SignalHook> signal_hook{nullptr};

}  // namespace

void set_signal_hook(SignalHook hook) { signal_hook.store(hook, std::memory_order_release); }

bool interrupted(Restart restart) {
    Fiber* fiber = current_fiber();
    if (fiber == nullptr) {
        return restart != Restart::always;
    }
    SignalHook hook = signal_hook.load(std::memory_order_acquire);
    return hook != nullptr && hook(*fiber, restart);
}

void interrupt_fiber(Fiber& fiber) {
    fiber.signal_due.store(true, std::memory_order_relaxed);
    if (fiber.state() == FiberState::parked && fiber.waiting != nullptr && fiber.waiting->interruptible) {
        interrupt_waiter(*fiber.waiting, WakeCause::interrupted);
    }
}

}  // namespace rondo
