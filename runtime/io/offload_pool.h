// SPDX-License-Identifier: Apache-2.0
//
// Kernel threads for calls that cannot park. Three pools:
//   files()   for calls that end by themselves (reads of uncached files, looking up paths): a few threads, further jobs
//             queue.
//   names()   the same for name look-ups, which may take minutes: neither holds up the other.
//   waits()   for calls that wait for somebody else (accept on a listener shared with other processes): a thread for
//             each job at once, for a bounded pool under unbounded waits deadlocks. Its idle threads end after a
//             second.
//
// The first two are small because more threads make no disk faster. But a file system may be served by a network that
// hangs, or by this very program (FUSE): a pool that has queued jobs and has taken none for 10 ms grows, 1, 2, 4 … up
// to 16 threads at a time, until it moves again. A watcher, a thread of its own while jobs are queued, sees to that.
// What the pool has grown by ends when it has been idle for a second.
//
// The job lies in the parked thread's frame; run() returns only when the kernel thread has let go of it. A cancellation
// or a signal can therefore only ask the job to end (Interruption); the job's own end is what ends the wait. Threads
// start on demand, when more jobs are queued than threads idle, on libc's stacks, with all signals blocked. The queue
// is a list under a spinlock; idle threads sleep on a futex that counts what was posted.
#pragma once

#include "runtime/base/list.h"
#include "runtime/base/spinlock.h"
#include "runtime/core/waiter.h"

namespace rondo {

class OffloadPool {
   public:
    static OffloadPool& files();
    static OffloadPool& names();
    static OffloadPool& waits();

    enum class Growth : uint8_t { none, when_stuck };

    constexpr OffloadPool(unsigned most_threads, bool idle_threads_end, Growth growth = Growth::none)
        : most_threads_(most_threads), idle_threads_end_(idle_threads_end), growth_(growth) {}

    // How a job can be told to end early. Without `stop` nothing ends the wait but the job's own end.
    struct Interruption {
        void (*stop)(void* arg, WakeCause) = nullptr;  // on the caller's worker, perhaps more than once
        bool cancellable = false;
    };

    // Runs fn(arg) on a kernel thread while the calling fiber parks. 0, or an error number: no thread could be had.
    int run(void (*fn)(void*), void* arg, Interruption interruption);
    int run(void (*fn)(void*), void* arg) { return run(fn, arg, {}); }

    // Held across a fork.
    Spinlock& fork_lock() { return lock_; }

    // In a forked child: no jobs and no threads.
    void forget_all();

   private:
    struct Job;
    struct JobWaiter : Waiter {
        explicit JobWaiter(Job& of) : Waiter(WaitReason::offload, reinterpret_cast<const void*>(of.fn)), job(of) {}
        Job& job;
    };
    struct Job : ListNode {
        Job(OffloadPool& to, void (*what)(void*), void* about) : pool(to), fn(what), arg(about), waiter(*this) {}
        OffloadPool& pool;
        void (*fn)(void*);
        void* arg;
        void (*stop)(void*, WakeCause) = nullptr;
        JobWaiter waiter;
    };

    static void interrupt(Waiter& waiter, WakeCause cause);

    static void* thread_main(void* pool);
    void serve();
    Job* wait_for_job();
    int start_thread();
    static void queue(void* job);
    static void* watcher_main(void* pool);
    void start_watcher();
    void watch();
    void start_more(unsigned count);

    const unsigned most_threads_;
    const bool idle_threads_end_;
    const Growth growth_;
    Spinlock lock_;
    List<Job> jobs_;         // not yet taken; this and the counts are guarded by lock_
    unsigned expected_ = 0;  // jobs queued or about to be
    unsigned threads_ = 0;   // started and not ended
    unsigned idle_ = 0;      // of those, asleep or about to look at jobs_ again
    unsigned taken_ = 0;     // jobs, ever
    bool watched_ = false;   // a watcher runs or is about to
    std::atomic<uint32_t> posted_{0};
};

}  // namespace rondo
