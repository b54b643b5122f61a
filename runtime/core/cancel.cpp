// SPDX-License-Identifier: Apache-2.0
//
// See cancel.h. The stop function of the forced unwinding runs for each frame, on the unwinding stack, below all frames
// it visits: so a C cleanup handler that longjmps back into its frame finds it intact.

#include "runtime/core/cancel.h"

#include <unwind.h>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/core/park.h"
#include "runtime/core/worker.h"
#include "runtime/include/rondo/rondo.h"

namespace rondo {

std::atomic<uint32_t> cancel_bits_before_start{0};

namespace {

// On the target's worker, off the target's stack or on it while it runs.
void deliver(Fiber& target) {
    target.cancel_bits.fetch_and(~kCancelInFlight, std::memory_order_release);
    bool waits = target.state() == FiberState::parked && target.waiting != nullptr && target.waiting->cancellable;
    if (waits && should_cancel(target)) {
        interrupt_waiter(*target.waiting, WakeCause::cancelled);
    }
}

void deliver_message(Message& message) { deliver(*static_cast<Fiber*>(message.subject)); }

// Runs the cleanup frames that lie in stack frames which have been left.
void run_cleanups(Fiber& fiber, uintptr_t left_below) {
    while (fiber.rest->cleanups != nullptr && reinterpret_cast<uintptr_t>(fiber.rest->cleanups) < left_below) {
        rondo_cleanup* frame = fiber.rest->cleanups;
        fiber.rest->cleanups = frame->previous;
        frame->routine(frame->arg);
    }
}

_Unwind_Reason_Code stop_at_frame(int, _Unwind_Action actions, _Unwind_Exception_Class, _Unwind_Exception*,
                                  _Unwind_Context* context, void*) {
    Fiber& fiber = *calling_thread();
    uintptr_t frame = _Unwind_GetCFA(context);
    bool beyond_entry =
        fiber.rest->entry_frame != nullptr && frame > reinterpret_cast<uintptr_t>(fiber.rest->entry_frame);
    if ((actions & _UA_END_OF_STACK) != 0 || beyond_entry) {
        run_cleanups(fiber, UINTPTR_MAX);
        Fiber::finish(fiber.rest->result);
    }
    run_cleanups(fiber, frame);
    return _URC_NO_REASON;
}

// A function of its own: destructors and cleanup handlers run where exit_fiber's frame was, and ASan would not know
// that the margins of an array in it are gone.
[[noreturn, gnu::noinline]] void end_without_tables() {
    Line message;
    message << "rondo: pthread_exit or a cancellation met a function without unwind tables; compile it with "
               "-fasynchronous-unwind-tables";
    end_at_fault(message);
}

}  // namespace

void cancellation_point() {
    Fiber* fiber = calling_thread();
    if (fiber != nullptr && should_cancel(*fiber)) {
        exit_fiber(RONDO_CANCELED);
    }
}

void request_cancel(Fiber& target) {
    uint32_t bits = target.cancel_bits.load(std::memory_order_relaxed);
    do {
        if ((bits & (kCancelPending | kExiting)) != 0) {
            return;
        }
    } while (!target.cancel_bits.compare_exchange_weak(bits, bits | kCancelPending | kCancelInFlight,
                                                       std::memory_order_acq_rel));
    if (is_here(target.worker)) {
        deliver(target);
        return;
    }
    target.rest->cancel_message.run = deliver_message;
    target.rest->cancel_message.subject = &target;
    target.worker->post(target.rest->cancel_message);
}

void exit_fiber(void* result) {
    Fiber* fiber = calling_thread();
    if (fiber == nullptr) {
        real::functions().exit_thread(result);
        panic("pthread_exit returned", __FILE__, __LINE__);
    }
    if ((fiber->cancel_bits.fetch_or(kExiting) & kExiting) == 0) {
        fiber->rest->result = result;
    }
    _Unwind_ForcedUnwind(&fiber->rest->unwinding, stop_at_frame, nullptr);
    end_without_tables();
}

}  // namespace rondo
