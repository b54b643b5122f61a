// SPDX-License-Identifier: Apache-2.0
//
// See offload_pool.h.

#include "runtime/io/offload_pool.h"

#include <cerrno>
#include <new>

#include "runtime/base/real.h"
#include "runtime/core/park.h"
#include "runtime/core/worker.h"

namespace rondo {

namespace {

constexpr Nanoseconds kIdleLimit = kSecond;
constexpr unsigned kFileThreads = 4;

constexpr unsigned kNameThreads = 4;
constexpr Nanoseconds kPatience = 10 * kMillisecond;
constexpr unsigned kMostAtATime = 16;
constexpr unsigned kQuietLooks = 100;

constinit OffloadPool file_pool(kFileThreads, false, OffloadPool::Growth::when_stuck);
constinit OffloadPool name_pool(kNameThreads, false, OffloadPool::Growth::when_stuck);
constinit OffloadPool wait_pool(UINT32_MAX, true);

}  // namespace

OffloadPool& OffloadPool::files() { return file_pool; }

OffloadPool& OffloadPool::names() { return name_pool; }

OffloadPool& OffloadPool::waits() { return wait_pool; }

// A thread is started before the job is queued: it may fail, and must not be done off the fiber's stack.
int OffloadPool::run(void (*fn)(void*), void* arg, Interruption interruption) {
    bool start = false;
    bool watch = false;
    {
        SpinGuard hold(lock_);
        bool busy = ++expected_ > idle_;
        start = busy && threads_ < most_threads_;
        watch = busy && !start && growth_ == Growth::when_stuck && !watched_;
        threads_ += start ? 1 : 0;
        watched_ = watched_ || watch;
    }
    if (watch) {
        start_watcher();
    }
    if (int error = start ? start_thread() : 0; error != 0) {
        return error;
    }
    Job job(*this, fn, arg);
    if (interruption.stop != nullptr) {
        job.stop = interruption.stop;
        job.waiter.interrupt = interrupt;
        job.waiter.cancellable = interruption.cancellable;
        job.waiter.interruptible = true;
    }
    if (exploring() && growth_ == Growth::when_stuck) {
        hold_worker(job.waiter,
                    {queue, &job});  // the job ends by itself; others must not run for as long as it happens to take
        return 0;
    }
    OutsideWait outside;
    park(job.waiter, {queue, &job}, {});
    return 0;
}

// Without the new thread, another one of a bounded pool will come to the job.
int OffloadPool::start_thread() {
    int error = real::start_kernel_thread(thread_main, this, nullptr, 0);
    if (error == 0) {
        return 0;
    }
    SpinGuard hold(lock_);
    --threads_;
    if (threads_ > 0 && !idle_threads_end_) {
        return 0;
    }
    --expected_;
    return error;
}

// The job's thread makes this worker's fiber ready by a message, so the job is still there.
void OffloadPool::interrupt(Waiter& waiter, WakeCause cause) {
    Job& job = static_cast<JobWaiter&>(waiter).job;
    job.stop(job.arg, cause);
}

// Off the parked fiber's stack.
void OffloadPool::queue(void* queued) {
    auto* job = static_cast<Job*>(queued);
    OffloadPool& pool = job->pool;
    {
        SpinGuard hold(pool.lock_);
        pool.jobs_.push_back(*job);
    }
    pool.posted_.fetch_add(1, std::memory_order_release);
    sys::futex_wake(&pool.posted_, 1);
}

void OffloadPool::forget_all() {
    new (&jobs_) List<Job>;
    expected_ = threads_ = idle_ = 0;
    watched_ = false;
}

void* OffloadPool::thread_main(void* pool) {
    static_cast<OffloadPool*>(pool)->serve();
    real::kernel_threads.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
}

void OffloadPool::serve() {
    while (Job* job = wait_for_job()) {
        job->fn(job->arg);
        if (job->waiter.claim(WakeCause::woken)) {
            release(job->waiter);
        }
    }
}

// Null: the thread ends.
OffloadPool::Job* OffloadPool::wait_for_job() {
    bool counted = false;
    bool tired = false;
    bool ends = false;
    for (;;) {
        uint32_t seen = posted_.load(std::memory_order_acquire);
        {
            SpinGuard hold(lock_);
            Job* job = jobs_.pop_front();
            expected_ -= job != nullptr ? 1 : 0;
            taken_ += job != nullptr ? 1 : 0;
            ends = idle_threads_end_ || threads_ > most_threads_;
            bool leaves = job != nullptr || (tired && ends && expected_ == 0);
            idle_ -= counted && leaves ? 1 : 0;
            if (leaves) {
                threads_ -= job == nullptr ? 1 : 0;
                return job;
            }
            idle_ += counted ? 0 : 1;
            counted = true;
        }
        timespec until = to_timespec(real_now_ns() + kIdleLimit);
        tired = sys::futex_wait(&posted_, seen, ends ? &until : nullptr) == -ETIMEDOUT;
    }
}

// Without a watcher the pool does not grow, which is no error.
void OffloadPool::start_watcher() {
    if (real::start_kernel_thread(watcher_main, this, nullptr, 0) != 0) {
        SpinGuard hold(lock_);
        watched_ = false;
    }
}

void* OffloadPool::watcher_main(void* pool) {
    static_cast<OffloadPool*>(pool)->watch();
    real::kernel_threads.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
}

void OffloadPool::watch() {
    unsigned seen = 0;
    unsigned started = 0;
    for (unsigned quiet = 0; quiet < kQuietLooks;) {
        timespec pause = to_timespec(kPatience);
        sys::call(SYS_nanosleep, sys::to_arg(&pause), 0);
        {
            SpinGuard hold(lock_);
            // What the threads that were started last have taken is no sign that the others move.
            bool stuck = !jobs_.empty() && taken_ - seen <= started;
            unsigned wanted = started == 0 ? 1 : (started < kMostAtATime / 2 ? started * 2 : kMostAtATime);
            unsigned queued = expected_ > idle_ ? expected_ - idle_ : 0;
            started = stuck ? (wanted < queued ? wanted : queued) : 0;
            threads_ += started;
            seen = taken_;
            quiet = jobs_.empty() ? quiet + 1 : 0;
            watched_ = quiet < kQuietLooks;
        }
        start_more(started);
    }
}

void OffloadPool::start_more(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        if (real::start_kernel_thread(thread_main, this, nullptr, 0) != 0) {
            SpinGuard hold(lock_);
            threads_ -= count - i;
            return;
        }
    }
}

}  // namespace rondo
