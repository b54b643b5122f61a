// SPDX-License-Identifier: Apache-2.0
//
// See diagnostics.h. What is seen of a thread is thread_view.h's.

#include "runtime/system/diagnostics.h"

#include "runtime/base/print.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/runtime.h"
#include "runtime/system/thread_view.h"

namespace rondo {

namespace {

void dump_fiber(int fd, const Fiber& fiber) {
    ThreadView view;
    view_thread(fiber, view);
    if (view.state == FiberState::none) {
        return;
    }
    Line line;
    line << "  " << view.id;
    line.column(10) << (view.name[0] != '\0' ? view.name : "-");
    line.column(28) << "worker " << view.worker;
    line.column(40) << state_name(view.state);
    if (view.waits) {
        line << " on " << wait_reason_name(view.wait.reason);
        if (waits_on_descriptor(view.wait.reason)) {
            line << ", descriptor " << static_cast<int64_t>(reinterpret_cast<intptr_t>(view.wait.object));
        } else {
            line << ' ' << view.wait.object;
        }
        if (view.wait.owner.thread != nullptr) {
            line << " of thread " << view.wait.owner.thread->id;
        }
    }
    line.send(fd);
}

}  // namespace

void dump_threads(int fd) {
    Line head;
    head << "rondo: " << live_fibers.load() << " threads on " << worker_count() << " workers";
    head.send(fd);
    for_each_fiber([fd](const Fiber& fiber) {
        dump_fiber(fd, fiber);
        return true;
    });
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
