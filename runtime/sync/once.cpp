// SPDX-License-Identifier: Apache-2.0
//
// See once.h.

#include "runtime/sync/once.h"

#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"
#include "runtime/core/worker.h"

// Calls the routine; settles the run also when the stack is unwound through it (once_guard.c).
extern "C" void rondo_internal_guarded_once(void* run, void (*routine)(void), void (*settle)(void*, int));

namespace rondo {

namespace {

constinit Spinlock runs_lock;
constinit List<Once::Run> runs;  // guarded by runs_lock

void settle_once(void* run, int completed) { Once::settle(*static_cast<Once::Run*>(run), completed != 0); }

}  // namespace

Spinlock& Once::fork_lock() { return runs_lock; }

// True: the caller runs the routine. False: it is done.
bool Once::begin() {
    choice_point("once");
    for (;;) {
        WaitQueue queue(this);
        int seen = state_.load(std::memory_order_acquire);
        if (seen != running()) {
            state_.store(seen == kDone ? kDone : running(), std::memory_order_relaxed);
            queue.unlock();
            return seen != kDone;
        }
        Waiter waiter(WaitReason::once, this);
        waiter.interruptible = true;
        if (queue.park_back(waiter, {}) == WakeCause::interrupted) {
            interrupted(Restart::always);
        }
    }
}

void Once::call(void (*routine)()) {
    if (state_.load(std::memory_order_acquire) == kDone || !begin()) {
        return;
    }
    Run run;
    run.once = this;
    run.runner = current_owner();
    {
        SpinGuard hold(runs_lock);
        runs.push_back(run);
    }
    rondo_internal_guarded_once(&run, routine, settle_once);
}

void Once::settle(Run& run, bool completed) {
    {
        SpinGuard hold(runs_lock);
        run.unlink();
    }
    Once& once = *run.once;
    WaitQueue queue(&once);
    once.state_.store(completed ? kDone : kNew, std::memory_order_release);
    Waiter* waiting = queue.claim_all();
    queue.unlock();
    release_all(waiting);
}

uint64_t Once::runner_of(const void* once) {
    uint64_t runner = 0;
    if (runs_lock.try_lock()) {
        runs.for_each([once, &runner](Run& run) { runner = run.once == once ? run.runner : runner; });
        runs_lock.unlock();
    }
    return runner;
}

void Once::after_fork_in_child() {
    forks_ = (forks_ + kForkStep) & INT_MAX;
    List<Run> inherited;
    inherited.append(runs);
    while (Run* run = inherited.pop_front()) {
        if (run->runner == current_owner()) {
            runs.push_back(*run);
        }
    }
}

}  // namespace rondo
