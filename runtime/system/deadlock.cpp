// SPDX-License-Identifier: Apache-2.0
//
// See deadlock.h. Runs on the loop's stack of a worker that counts as asleep.

#include "runtime/system/deadlock.h"

#include <atomic>

#include "runtime/base/check.h"
#include "runtime/base/proc_file.h"
#include "runtime/base/real.h"
#include "runtime/base/text.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/system/deadlock_report.h"
#include "runtime/system/fiber_walk.h"
#include "runtime/system/signal_actions.h"

namespace rondo {

namespace {

constexpr Nanoseconds kPatience = 200 * kMillisecond;
#if defined(RONDO_TSAN)
constexpr int kSanitizerThreads = 1;
#else
constexpr int kSanitizerThreads = 0;
#endif

OnDeadlock reaction = OnDeadlock::off;
std::atomic<bool> looking{false};
std::atomic<bool> reported{false};

enum class Look {
    going_on,  // somebody runs, or waits for something outside that will make a worker switch
    not_ours,  // a kernel thread of the program's may wake somebody, and nothing will tell that it has ended
    stuck,
};

// Only another thread of the program can end such a wait.
bool waits_for_threads(WaitReason reason) {
    switch (reason) {
        case WaitReason::mutex:
        case WaitReason::condvar:
        case WaitReason::rwlock_read:
        case WaitReason::rwlock_write:
        case WaitReason::barrier:
        case WaitReason::once:
        case WaitReason::semaphore:
        case WaitReason::join:
        case WaitReason::futex:
            return true;
        default:
            return false;
    }
}

// A handler may post a semaphore or wake a futex, and the wait itself may fail with EINTR.
bool handlers_end(WaitReason reason) { return reason == WaitReason::semaphore || reason == WaitReason::futex; }

bool handles_signals() {
    for (int number = 1; number <= kLastSignal; ++number) {
        if ((kFaults & signal_bit(number)) == 0 && program_action(number).handles()) {
            return true;
        }
    }
    return false;
}

// False: a worker does something or is about to. The sum changes whenever one of them switches.
bool all_workers_quiet(uint64_t& switches) {
    switches = 0;
    for (unsigned i = 0; i < worker_count(); ++i) {
        if (!worker_at(i)->quiet()) {
            return false;
        }
        switches += worker_at(i)->view().switches;
    }
    return true;
}

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
bool all_threads_stuck() {
    const bool signals = handles_signals();
    bool stuck = true;
    int64_t met = 0;
    for_each_fiber([&](const Fiber& fiber) {
        if (fiber.state() == FiberState::finished) {
            return true;
        }
        const Waiter* waiter = fiber.waiting;
        stuck = fiber.state() == FiberState::parked && waiter != nullptr && waits_for_threads(waiter->reason) &&
                waiter->outcome() == WakeCause::pending && !(signals && handlers_end(waiter->reason));
        ++met;
        return stuck;
    });
    return stuck && met == live_fibers.load(std::memory_order_acquire);
}

// INT_MAX if /proc does not tell.
int count_tasks() {
    ProcFile status("/proc/self/status");
    constexpr std::string_view kField = "Threads:\t";
    for (std::string_view line; status.next_line(line);) {
        if (first(line, kField.size()) == kField) {
            line.remove_prefix(kField.size());
            return static_cast<int>(to_number(line, 10));
        }
    }
    return INT32_MAX;
}

// Worker 0's kernel thread is main's where main started the runtime.
int count_own_tasks() {
    bool on_main_thread = worker_at(0)->view().tid == sys::getpid();
    return real::kernel_threads.load(std::memory_order_relaxed) + (on_main_thread ? 1 : 0) + kSanitizerThreads;
}

Look look() {
    uint64_t before = 0;
    uint64_t after = 0;
    if (!all_workers_quiet(before) || !all_threads_stuck()) {
        return Look::going_on;
    }
    if (count_tasks() > count_own_tasks()) {
        return Look::not_ours;
    }
    return all_workers_quiet(after) && before == after ? Look::stuck : Look::going_on;
}

// True: look again later. Two workers that came to rest together may both be here.
bool look_for_deadlock() {
    if (reported.load(std::memory_order_relaxed)) {
        return false;
    }
    if (looking.exchange(true, std::memory_order_acquire)) {
        return true;
    }
    Look found = look();
    if (found == Look::stuck) {
        reported.store(true, std::memory_order_relaxed);
        const bool may_be_woken = handles_signals();
        bool cycle = report_deadlock(may_be_woken);
        if (reaction == OnDeadlock::abort && (cycle || !may_be_woken)) {
            die();
        }
    }
    looking.store(false, std::memory_order_release);
    return found == Look::not_ours;
}

}  // namespace

void watch_for_deadlock(OnDeadlock what, bool at_once) {
    reaction = what;
    set_quiet_hook({what != OnDeadlock::off ? look_for_deadlock : nullptr, at_once ? 0 : kPatience});
}

void forget_deadlock() {
    looking.store(false, std::memory_order_relaxed);
    reported.store(false, std::memory_order_relaxed);
}

}  // namespace rondo
