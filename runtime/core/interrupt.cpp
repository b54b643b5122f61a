// SPDX-License-Identifier: Apache-2.0
//
// See interrupt.h. Until the hooks are set nothing is ever due.

#include "runtime/core/interrupt.h"

#include <signal.h>

namespace rondo {

namespace {

bool run_nothing(Fiber& fiber, Restart) {
    fiber.signal_due.store(false, std::memory_order_relaxed);
    return false;
}

void do_nothing(Worker&) {}

constinit SignalHooks hooks_in_use{run_nothing, do_nothing, do_nothing};

}  // namespace

void set_signal_hooks(const SignalHooks& hooks) { hooks_in_use = hooks; }

const SignalHooks& signal_hooks() { return hooks_in_use; }

bool interrupted(Restart restart) {
    Fiber* fiber = current_fiber();
    return fiber != nullptr ? hooks_in_use.run(*fiber, restart) : restart != Restart::always;
}

bool interrupted_by_choice(Restart restart, const char* call) {
    if (!exploring() || current_fiber() == nullptr || hooks_in_use.could_fail == nullptr) {
        return false;
    }
    return hooks_in_use.could_fail(*current_fiber(), restart) && choose(ChoiceKind::eintr, 2, call) != 0;
}

void interrupt_fiber(Fiber& fiber) {
    fiber.signal_due.store(true, std::memory_order_relaxed);
    if (fiber.state() == FiberState::parked && fiber.waiting != nullptr && fiber.waiting->interruptible) {
        interrupt_waiter(*fiber.waiting, WakeCause::interrupted);
    }
}

void raise_broken_pipe(Fiber& fiber) {
    fiber.rest->signals.raised.fetch_or(signal_bit(SIGPIPE), std::memory_order_relaxed);
    fiber.signal_due.store(true, std::memory_order_relaxed);
}

}  // namespace rondo
