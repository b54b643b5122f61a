// SPDX-License-Identifier: Apache-2.0
//
// Deferred cancellation and the unwinding of a thread's stack by rondo_exit.
//
// A request sets kCancelPending once and sends the target's worker a message; there, if the target is parked in a wait
// that is a cancellation point, the wait is interrupted. All else happens on the target's own stack: at a cancellation
// point with a pending request it unwinds. So cancellation never races with the thread itself, only with its wakers,
// and that race is the waiter's compare-and-swap.
//
// Unwinding is _Unwind_ForcedUnwind, as in glibc: C++ destructors and catch (abi::__forced_unwind&) run, and cleanup
// frames of C code run when the unwinder has left the frame that holds them.
#pragma once

#include <cstdint>

#include "runtime/core/fiber.h"

namespace rondo {

constexpr uint32_t kCancelPending = 1;
constexpr uint32_t kCancelInFlight = 2;  // cancel_message is in an inbox or about to be
constexpr uint32_t kCancelDisabled = 4;
constexpr uint32_t kExiting = 8;
constexpr uint32_t kSignalInFlight = 16;  // FiberSignals::message is in an inbox or about to be

inline bool should_cancel(const Fiber& fiber) {
    uint32_t bits = fiber.cancel_bits.load(std::memory_order_relaxed);
    return __builtin_expect((bits & (kCancelPending | kCancelDisabled | kExiting)) == kCancelPending, 0);
}

// The bits that the main thread set before it was adopted.
extern std::atomic<uint32_t> cancel_bits_before_start;

// Unwinds the calling thread if a request is pending and may be acted on. Does nothing on other kernel threads.
void cancellation_point();

// Any thread. The target must not have been reclaimed.
void request_cancel(Fiber& target);

// Unwinds the calling fiber and ends it with this result. When it is exiting already (a cleanup handler of C code asks
// to go on), the unwinding continues from here and the first result stays.
[[noreturn]] void exit_fiber(void* result);

}  // namespace rondo
