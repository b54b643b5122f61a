// SPDX-License-Identifier: Apache-2.0
//
// See offload_pool.h.

#include "runtime/io/offload_pool.h"

#include <cerrno>

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

int OffloadPool::run(void (*fn)(void*), void* arg) {
    Job job(fn, arg);
    job.waiter.fiber = current_fiber();
    bool start = false;
    {
        SpinGuard hold(lock_);
        jobs_.push_back(job);
        start = ++queued_ > idle_ && threads_ < most_threads_;
        threads_ += start ? 1 : 0;
    }
    if (start) {
        if (int error = start_thread_for(job); error != 0) {
            return error;
        }
    }
    posted_.fetch_add(1, std::memory_order_release);
    sys::futex_wake(&posted_, 1);
    park(job.waiter, {}, {});
    return 0;
}

// The error only if the job was taken back: without the new thread, another one of a bounded pool will come to it, and
// one of an unbounded pool may have taken it meanwhile.
int OffloadPool::start_thread_for(Job& job) {
    int error = real::start_kernel_thread(thread_main, this, nullptr, 0);
    if (error == 0) {
        return 0;
    }
    SpinGuard hold(lock_);
    --threads_;
    bool others_come = threads_ > 0 && !idle_threads_end_;
    if (others_come || !job.linked()) {
        return 0;
    }
    job.unlink();
    --queued_;
    return error;
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
            queued_ -= job != nullptr ? 1 : 0;
            idle_ -= counted && (job != nullptr || tired) ? 1 : 0;
            if (job != nullptr || tired) {
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
