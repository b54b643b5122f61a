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

constinit OffloadPool file_pool(kFileThreads, false);
constinit OffloadPool wait_pool(UINT32_MAX, true);

}  // namespace

OffloadPool& OffloadPool::files() { return file_pool; }

OffloadPool& OffloadPool::waits() { return wait_pool; }

// A thread is started before the job is queued: it may fail, and must not be done off the fiber's stack.
int OffloadPool::run(void (*fn)(void*), void* arg, Interruption interruption) {
    bool start = false;
    {
        SpinGuard hold(lock_);
        start = ++expected_ > idle_ && threads_ < most_threads_;
        threads_ += start ? 1 : 0;
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
}

void* OffloadPool::thread_main(void* pool) {
    static_cast<OffloadPool*>(pool)->serve();
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
    for (;;) {
        uint32_t seen = posted_.load(std::memory_order_acquire);
        {
            SpinGuard hold(lock_);
            Job* job = jobs_.pop_front();
            expected_ -= job != nullptr ? 1 : 0;
            bool leaves = job != nullptr || (tired && expected_ == 0);
            idle_ -= counted && leaves ? 1 : 0;
            if (leaves) {
                threads_ -= job == nullptr ? 1 : 0;
                return job;
            }
            idle_ += counted ? 0 : 1;
            counted = true;
        }
        timespec until = to_timespec(now_ns() + kIdleLimit);
        tired = sys::futex_wait(&posted_, seen, idle_threads_end_ ? &until : nullptr) == -ETIMEDOUT;
    }
}

}  // namespace rondo
