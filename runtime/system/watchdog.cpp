// SPDX-License-Identifier: Apache-2.0
//
// See watchdog.h. Runs on a kernel thread of its own with all signals blocked. Its state is one block that only this
// thread uses; a forked child is without it and starts another with its runtime. Its stack is ours: libc would hand
// its own to another thread of such a child.
//
// Time counts only while the worker could have gone on: not while it waits for a processor, is stopped, or while this
// thread itself was held up. So neither a loaded machine nor a debugger makes reports.
//
// The descriptors that it needs come from a table of its own (own_descriptors.h).

#include "runtime/system/watchdog.h"

#include <sys/prctl.h>

#include <atomic>
#include <cstring>
#include <new>

#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/base/reserve.h"
#include "runtime/base/text.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/system/kernel_thread.h"
#include "runtime/system/mappings.h"
#include "runtime/system/own_descriptors.h"
#include "runtime/system/unwinder.h"

namespace rondo {

namespace {

constexpr Nanoseconds kLooksWithinStall = 8;
constexpr size_t kMostSites = 256;
constexpr size_t kStackBytes = 128 * 1024;
constexpr Nanoseconds kShortestRest = kSecond;
constexpr Nanoseconds kLongestRest = 16 * kSecond;

// What the watchdog knows of one worker.
struct Watch {
    uint64_t switches;
    uint64_t pass_ticks;
    bool suspected;         // the counters had not moved; then also:
    KernelThread before;    // when `stalled` was last added to
    Nanoseconds uncounted;  // the time since then
    Nanoseconds stalled;
    bool examined;  // this stall was
};

class Watchdog {
   public:
    explicit Watchdog(Nanoseconds limit, Watch* watches) : limit_(limit), watches_(watches) {}
    [[noreturn]] void run();
    // Returns when it takes no more descriptors of the program.
    void wait_until_apart();

   private:
    void look(unsigned index, Nanoseconds elapsed);
    void examine(unsigned index);
    void report(unsigned index, const Fiber* fiber, bool unwound);
    void compose(unsigned index, const Fiber* fiber, bool unwound, Text& out);
    bool is_new(uint64_t site);

    Nanoseconds limit_;
    Watch* watches_;
    std::atomic<uint32_t> apart_{0};
    OwnDescriptors descriptors_;
    Nanoseconds rest_ = 0;  // after a look at a known site: how long not to examine any
    Nanoseconds rests_until_ = 0;
    size_t site_count_ = 0;
    uint64_t sites_[kMostSites] = {};
    Unwinder unwinder_;
    char report_[20 * 1024];
};

bool moved(const WorkerView& view, const Watch& watch) {
    return view.asleep || view.switches != watch.switches || view.pass_ticks != watch.pass_ticks;
}

// The thread may end meanwhile; its blocks stay readable.
__attribute__((no_sanitize("thread"))) void name_thread(const Fiber* fiber, unsigned worker, Text& out) {
    if (fiber == nullptr) {
        out << "worker " << uint64_t{worker} << "'s own loop has not ended";
        return;
    }
    char name[sizeof fiber->rest->name + 1] = {};
    for (size_t i = 0; i + 1 < sizeof name; ++i) {
        name[i] = __atomic_load_n(&fiber->rest->name[i], __ATOMIC_RELAXED);
    }
    out << "thread " << fiber->id;
    if (name[0] != '\0') {
        out << " \"";
        out.quote(name) << "\"";
    }
    out << " has kept worker " << uint64_t{worker};
}

__attribute__((no_sanitize("thread"))) uint64_t start_of(const Fiber* fiber) {
    return fiber != nullptr ? reinterpret_cast<uint64_t>(fiber->rest->start) : 0;
}

void Watchdog::wait_until_apart() {
    while (apart_.load(std::memory_order_acquire) == 0) {
        sys::futex_wait(&apart_, 0, nullptr);
    }
}

void Watchdog::run() {
    sys::call(SYS_prctl, PR_SET_NAME, sys::to_arg("rondo-watchdog"));
    descriptors_.take(true);
    apart_.store(1, std::memory_order_release);
    sys::futex_wake(&apart_, 1);
    unwinder_.find_tool();
    const Nanoseconds period = limit_ < kLooksWithinStall * kMillisecond ? kMillisecond : limit_ / kLooksWithinStall;
    Nanoseconds before = real_now_ns();
    for (;;) {
        timespec pause = to_timespec(period);
        sys::call(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, sys::to_arg(&pause), 0);
        Nanoseconds now = real_now_ns();
        Nanoseconds elapsed = now - before < 2 * period ? now - before : 2 * period;
        before = now;
        for (unsigned i = 0; i < worker_count(); ++i) {
            look(i, elapsed);
        }
    }
}

// Adds to watch.stalled. While a thread waits for a processor, nothing tells for how long; it is counted, without that
// time, when it has one.
void count(Watch& watch, const KernelThread& now, Nanoseconds elapsed) {
    if (now.stopped || !watch.suspected) {
        watch.suspected = true;
        watch.before = now;
        watch.uncounted = 0;
        return;
    }
    watch.uncounted += elapsed;
    bool without_processor = now.running && now.ran_ns != 0 && now.ran_ns == watch.before.ran_ns;
    if (without_processor) {
        return;
    }
    auto delayed = static_cast<Nanoseconds>(now.delayed_ns - watch.before.delayed_ns);
    watch.stalled += watch.uncounted > delayed ? watch.uncounted - delayed : 0;
    watch.uncounted = 0;
    watch.before = now;
}

void Watchdog::look(unsigned index, Nanoseconds elapsed) {
    Watch& watch = watches_[index];
    WorkerView view = worker_at(index)->view();
    if (view.tid == 0 || moved(view, watch)) {
        watch = {};
        watch.switches = view.switches;
        watch.pass_ticks = view.pass_ticks;
        return;
    }
    if (watch.examined) {
        return;
    }
    KernelThread now;
    if (!read_kernel_thread(view.tid, now)) {
        return;
    }
    count(watch, now, elapsed);
    if (watch.stalled >= limit_ && real_now_ns() >= rests_until_) {
        examine(index);
    }
}

// Only a capture that was made while the worker still stalled is about the stall.
void Watchdog::examine(unsigned index) {
    watches_[index].examined = true;
    Worker& worker = *worker_at(index);
    WorkerView view = worker.view();
    bool captured = unwinder_.capture(view.tid);
    if (!moved(worker.view(), watches_[index])) {
        bool unwound = captured && unwinder_.finish();
        report(index, view.current, unwound);
    }
    unwinder_.end();
}

// A place that goes on stalling costs less and less.
void Watchdog::report(unsigned index, const Fiber* fiber, bool unwound) {
    uint64_t site = unwound ? unwinder_.site() : watches_[index].before.pc;
    if (!is_new(site != 0 ? site : start_of(fiber))) {
        rest_ = 2 * rest_ < kShortestRest ? kShortestRest : 2 * rest_ > kLongestRest ? kLongestRest : 2 * rest_;
        rests_until_ = real_now_ns() + rest_;
        return;
    }
    rest_ = 0;
    Text text(report_, sizeof report_);
    compose(index, fiber, unwound, text);
    descriptors_.say({report_, strlen(report_)});
}

void Watchdog::compose(unsigned index, const Fiber* fiber, bool unwound, Text& out) {
    const Watch& watch = watches_[index];
    out << "rondo: stall: ";
    name_thread(fiber, index, out);
    out << " for " << static_cast<uint64_t>(watch.stalled / kMillisecond) << " ms, ";
    if (unwound) {
        out << unwinder_.doing() << "\n" << unwinder_.lines();
        return;
    }
    if (watch.before.system_call >= 0) {
        out << "in system call number " << static_cast<uint64_t>(watch.before.system_call) << " at ";
        describe_address(watch.before.pc, out);
    } else {
        out << (watch.before.running ? "running" : "in the kernel") << ", in a thread that began at ";
        describe_address(start_of(fiber), out);
    }
    out << "\n  (no backtrace: " << unwinder_.problem() << ")\n";
}

bool Watchdog::is_new(uint64_t site) {
    for (size_t i = 0; i < site_count_; ++i) {
        if (sites_[i] == site) {
            return false;
        }
    }
    if (site_count_ == kMostSites) {
        return false;
    }
    sites_[site_count_++] = site;
    return true;
}

void* watchdog_main(void* watchdog) { static_cast<Watchdog*>(watchdog)->run(); }

}  // namespace

void start_watchdog(unsigned stall_ms) {
    size_t stack_bytes = kStackBytes + real::kernel_stack_overhead();
    void* stack = reserve_bytes(stack_bytes);
    auto* watches = reserve_array<Watch>(worker_count());
    auto* room = reserve_array<Watchdog>(1);
    auto limit = static_cast<Nanoseconds>(stall_ms) * kMillisecond;
    bool have_memory = stack != nullptr && watches != nullptr && room != nullptr;
    Watchdog* watchdog = have_memory ? new (room) Watchdog(limit, watches) : nullptr;
    if (watchdog != nullptr && real::start_kernel_thread(watchdog_main, watchdog, stack, stack_bytes) == 0) {
        watchdog->wait_until_apart();
    } else {
        Line note;
        note << "rondo: no memory or kernel thread for the stall watchdog; running without";
        note.send(2);
    }
}

}  // namespace rondo
