// SPDX-License-Identifier: Apache-2.0
//
// See inspector_answers.h. A member that has nothing to say is left out.

#include "runtime/system/inspector_answers.h"

#include <cstring>

#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/system/diagnostics.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/thread_view.h"

namespace rondo {

namespace {

constexpr int kStates = static_cast<int>(FiberState::finished) + 1;
constexpr int kReasons = static_cast<int>(kLastWaitReason) + 1;

struct Counts {
    uint64_t states[kStates];
    uint64_t reasons[kReasons];
};

struct ThreadsOut {
    JsonOut& out;
    const char* separator;
};

uint64_t number(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

void put_wait(const ThreadView& view, JsonOut& out) {
    out << ",\"reason\":\"" << wait_reason_name(view.wait.reason) << "\",\"waited_ms\":" << view.waited_ms;
    if (waits_on_descriptor(view.wait.reason)) {
        out << ",\"descriptor\":" << number(view.wait.object);
    } else if (view.wait.object != nullptr) {
        out << ",\"object\":";
        out.address(number(view.wait.object));
    }
    if (view.wait.owner.thread != nullptr) {
        out << ",\"owner\":" << __atomic_load_n(&view.wait.owner.thread->id, __ATOMIC_RELAXED);
    } else if (view.wait.owner) {
        out << ",\"owner\":\"kernel thread\"";
    }
}

void put_stack(const ThreadView& view, JsonOut& out) {
    if (view.context != nullptr) {
        out << ",\"context\":";
        out.address(number(view.context));
    }
    if (view.low == nullptr) {
        return;
    }
    out << ",\"stack\":" << static_cast<uint64_t>(view.top - view.low);
    if (view.context >= view.low && view.context < view.top) {
        out << ",\"used\":" << static_cast<uint64_t>(view.top - view.context);
    }
}

void put_thread(const Fiber& fiber, ThreadsOut& threads) {
    ThreadView view;
    view_thread(fiber, view);
    if (view.state == FiberState::none) {
        return;
    }
    JsonOut& out = threads.out;
    out << threads.separator << "{\"id\":" << view.id << ",\"name\":";
    threads.separator = ",";
    out.quoted(view.name) << ",\"worker\":" << uint64_t{view.worker} << ",\"state\":\"" << state_name(view.state)
                          << "\"";
    if (view.waits) {
        put_wait(view, out);
    }
    put_stack(view, out);
    if (view.start != 0) {
        out << ",\"start\":";
        out.address(view.start);
    }
    out << "}";
}

void count_thread(const Fiber& fiber, Counts& counts) {
    ThreadView view;
    view_thread(fiber, view);
    ++counts.states[static_cast<int>(view.state)];
    if (view.waits) {
        ++counts.reasons[static_cast<int>(view.wait.reason)];
    }
}

void put_worker(unsigned index, JsonOut& out) {
    Worker& worker = *worker_at(index);
    WorkerView view = worker.view();
    uint64_t age = ticks() - view.pass_ticks;
    out << (index == 0 ? "" : ",") << "{\"worker\":" << uint64_t{index}
        << ",\"kernel_thread\":" << static_cast<uint64_t>(view.tid)
        << ",\"asleep\":" << (view.asleep ? "true" : "false")
        << ",\"threads\":" << static_cast<uint64_t>(worker.load.load(std::memory_order_relaxed))
        << ",\"switches\":" << view.switches << ",\"timers\":" << uint64_t{worker.timers().count()}
        << ",\"io\":" << uint64_t{worker.backend().pending()};
    if (!view.asleep && view.pass_ticks != 0) {
        out << ",\"looked_ms\":" << age / worker.ticks_per_ms();
    }
    out << "}";
}

void put_counts(const Counts& counts, JsonOut& out) {
    const char* separator = "\"states\":{";
    for (int i = 1; i < kStates; ++i) {
        out << separator << "\"" << state_name(static_cast<FiberState>(i)) << "\":" << counts.states[i];
        separator = ",";
    }
    separator = "},\"waits\":{";
    for (int i = 1; i < kReasons; ++i) {
        if (counts.reasons[i] != 0) {
            out << separator << "\"" << wait_reason_name(static_cast<WaitReason>(i)) << "\":" << counts.reasons[i];
            separator = ",";
        }
    }
    out << (*separator == ',' ? "}" : "},\"waits\":{}");
}

void put_head(JsonOut& out) { out << "{\"process\":" << static_cast<uint64_t>(sys::getpid()); }

}  // namespace

void answer_threads(JsonOut& out) {
    put_head(out);
    out << ",\"workers\":" << uint64_t{worker_count()} << ",\"threads\":[";
    ThreadsOut threads{out, ""};
    for_each_fiber([&](const Fiber& fiber) {
        put_thread(fiber, threads);
        return true;
    });
    out << "]}\n";
}

void answer_stats(JsonOut& out) {
    Counts counts{};
    for_each_fiber([&](const Fiber& fiber) {
        count_thread(fiber, counts);
        return true;
    });
    rondo_stats stats;
    fill_stats(stats);
    put_head(out);
    out << ",\"threads\":" << stats.live_threads << ",\"stacks\":" << stats.live_stacks
        << ",\"switches\":" << stats.switches << ",\"timers\":" << stats.armed_timers << ",\"io\":" << stats.pending_io
        << ",\"io_backend\":\"" << stats.io_backend << "\",\"guards\":\"" << stats.guard_kind << "\",";
    put_counts(counts, out);
    out << ",\"workers\":[";
    for (unsigned i = 0; i < worker_count(); ++i) {
        put_worker(i, out);
    }
    out << "]}\n";
}

}  // namespace rondo
