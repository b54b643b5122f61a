// SPDX-License-Identifier: Apache-2.0
//
// See diagnostics.h. Threads are found by walking the stack pool's slots: a control block lies beside each.

#include "runtime/system/diagnostics.h"

#include "runtime/base/print.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/system/runtime.h"

namespace rondo {

namespace {

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

bool waits_on_fd(WaitReason reason) { return reason >= WaitReason::read && reason <= WaitReason::connect; }

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
void dump_fiber(int fd, const Fiber& fiber) {
    Line line;
    line << "  " << fiber.id;
    line.column(10) << (fiber.rest->name[0] != '\0' ? fiber.rest->name : "-");
    line.column(28) << "worker " << (fiber.worker != nullptr ? fiber.worker->index() : 0);
    line.column(40) << state_name(fiber.state());
    const Waiter* waiter = fiber.waiting;
    if (fiber.state() == FiberState::parked && waiter != nullptr) {
        line << " on " << wait_reason_name(waiter->reason);
        if (waits_on_fd(waiter->reason)) {
            line << ", descriptor " << static_cast<int64_t>(reinterpret_cast<intptr_t>(waiter->object));
        } else {
            line << ' ' << waiter->object;
        }
    }
    line.send(fd);
}

}  // namespace

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
void dump_threads(int fd) {
    Line head;
    head << "rondo: " << live_fibers.load() << " threads on " << worker_count() << " workers";
    head.send(fd);
    if (const Fiber* adopted = adopted_fiber.load(std::memory_order_acquire)) {
        dump_fiber(fd, *adopted);
    }
    for (size_t i = 0; StackSlab* slab = StackPool::instance().slab(i); ++i) {
        uint32_t used = slab->used.load(std::memory_order_acquire);
        for (uint32_t slot = 0; slot < used; ++slot) {
            const Fiber* fiber = Fiber::beside({slab, slot});
            if (fiber->state() != FiberState::none) {
                dump_fiber(fd, *fiber);
            }
        }
    }
}

void fill_stats(rondo_stats& stats) {
    stats = {};
    if (!runtime_started()) {
        return;
    }
    stats.workers = worker_count();
    for (unsigned i = 0; i < stats.workers; ++i) {
        Worker& worker = *worker_at(i);
        stats.armed_timers += worker.timers().count();
        stats.pending_io += worker.backend().pending();
        stats.switches += worker.switches();
    }
    const StackPool& pool = StackPool::instance();
    stats.live_threads = static_cast<uint64_t>(live_fibers.load());
    stats.live_stacks = static_cast<uint64_t>(pool.in_use()) - stats.workers;
    stats.io_backend = io_backend_name();
    stats.guard_kind = guard_kind_name(pool.has_unguarded() ? GuardKind::check : pool.guard_kind());
}

}  // namespace rondo
