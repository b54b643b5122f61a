// SPDX-License-Identifier: Apache-2.0
//
// See thread_view.h. A thread that is parked at the beginning and at the end, while its worker did not switch, was
// parked all the time, for it can only go on by a switch. (The exception, a thread that is woken before it has left its
// stack, needs a wake-up in these nanoseconds.)

#include "runtime/system/thread_view.h"

#include "runtime/base/sanitizer.h"
#include "runtime/core/worker.h"

namespace rondo {

namespace {

constexpr int kTries = 4;

// A view may hold what another use of the memory left there.
WaitReason known(WaitReason reason) { return reason <= kLastWaitReason ? reason : WaitReason::none; }

RONDO_LOOKS_WITHOUT_LOCK void look(const Fiber& fiber, ThreadView& out) {
    const FiberRest* rest = __atomic_load_n(&fiber.rest, __ATOMIC_RELAXED);
    const Worker* worker = __atomic_load_n(&fiber.worker, __ATOMIC_RELAXED);
    out = {};
    out.state = rest != nullptr ? fiber.state() : FiberState::none;
    if (out.state == FiberState::none) {
        return;
    }
    out.id = __atomic_load_n(&fiber.id, __ATOMIC_RELAXED);
    out.worker = worker != nullptr ? worker->index() : 0;
    out.start = reinterpret_cast<uint64_t>(__atomic_load_n(&rest->start, __ATOMIC_RELAXED));
    for (size_t i = 0; i + 1 < sizeof out.name; ++i) {
        out.name[i] = __atomic_load_n(&rest->name[i], __ATOMIC_RELAXED);
    }
    if (!fiber.adopted && fiber.stack) {
        out.low = fiber.stack.low();
        out.top = fiber.stack.top();
    }
    bool suspended = out.state == FiberState::parked || out.state == FiberState::ready;
    out.context = suspended ? static_cast<const char*>(fiber.context.saved()) : nullptr;
    const Waiter* waiter = __atomic_load_n(&fiber.waiting, __ATOMIC_RELAXED);
    out.waits = worker != nullptr && waiter != nullptr && read_wait(fiber, out.wait);
    if (out.waits) {
        uint64_t since = __atomic_load_n(&waiter->since, __ATOMIC_RELAXED);
        uint64_t now = ticks();
        out.waited_ms = since != 0 && since < now ? (now - since) / worker->ticks_per_ms() : 0;
        out.wait.reason = known(out.wait.reason);
    }
}

}  // namespace

RONDO_LOOKS_WITHOUT_LOCK void view_thread(const Fiber& fiber, ThreadView& out) {
    for (int i = 0; i < kTries; ++i) {
        const Worker* worker = __atomic_load_n(&fiber.worker, __ATOMIC_RELAXED);
        uint64_t before = worker != nullptr ? worker->view().switches : 0;
        look(fiber, out);
        if (worker == nullptr || worker->view().switches == before) {
            return;
        }
    }
}

const char* state_name(FiberState state) {
    switch (state) {
        case FiberState::created:
            return "created";
        case FiberState::ready:
            return "ready";
        case FiberState::running:
            return "running";
        case FiberState::parked:
            return "parked";
        case FiberState::finished:
            return "ended, not joined";
        case FiberState::none:
            break;
    }
    return "?";
}

bool waits_on_descriptor(WaitReason reason) { return reason >= WaitReason::read && reason <= WaitReason::connect; }

}  // namespace rondo
