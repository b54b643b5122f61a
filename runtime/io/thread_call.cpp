// SPDX-License-Identifier: Apache-2.0
//
// A call lies in the parked caller's frame and is in the list from before its thread begins until that thread has let
// go of it. Whoever wants it to end records why, under the list's lock, and signals the thread if it has begun: under
// that lock a thread that is named is still at this call, so no signal reaches a later one. (One that is delivered late
// is used up by accept_interrupts.)
//
// A closer parks in the wait table under the list's address until no call names its descriptor. It looks at the list
// under the bucket's lock, and an ending call leaves the list before it takes that lock: the wake-up is not lost.

#include "runtime/io/thread_call.h"

#include <cerrno>
#include <new>

#include "runtime/core/blocking_call.h"
#include "runtime/core/wait_table.h"
#include "runtime/core/worker.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/offload_pool.h"

namespace rondo {

namespace {

constexpr uint32_t kInterrupted = 1;
constexpr uint32_t kClosed = 2;

struct ThreadCall : ListNode {
    const BlockingCall* wanted;
    long result = 0;
    std::atomic<uint32_t> stop{0};  // kInterrupted or kClosed; set under calls_lock
    int tid = 0;                    // the thread while it may be at the call; guarded by calls_lock
};

constinit Spinlock calls_lock;
constinit List<ThreadCall> calls;  // guarded by calls_lock
std::atomic<int> calls_with_fd{0};

void enter(ThreadCall& call) {
    {
        SpinGuard hold(calls_lock);
        calls.push_back(call);
    }
    if (call.wanted->fd < 0) {
        return;
    }
    // Either a closer finds us, or we see that the number is being closed.
    calls_with_fd.fetch_add(1, std::memory_order_seq_cst);
    FdEntry* entry = FdTable::instance().entry(call.wanted->fd);
    if (entry != nullptr && entry->life() == FdEntry::Life::closing) {
        SpinGuard hold(calls_lock);
        call.stop.store(kClosed, std::memory_order_relaxed);
    }
}

void wake_closers() {
    WaitQueue queue(&calls);
    Waiter* all = queue.claim_all();
    queue.unlock();
    release_all(all);
}

void leave(ThreadCall& call) {
    {
        SpinGuard hold(calls_lock);
        call.tid = 0;
        call.unlink();
    }
    if (call.wanted->fd >= 0) {
        calls_with_fd.fetch_sub(1, std::memory_order_seq_cst);
        wake_closers();
    }
}

void stop_call(ThreadCall& call, uint32_t why) {
    if (call.stop.load(std::memory_order_relaxed) != 0) {
        return;
    }
    call.stop.store(why, std::memory_order_release);
    if (call.tid != 0) {
        interrupt_thread(call.tid);
    }
}

// On the pool's thread.
void make_call(void* arg) {
    auto& call = *static_cast<ThreadCall*>(arg);
    accept_interrupts();
    {
        SpinGuard hold(calls_lock);
        call.tid = sys::gettid();
    }
    call.result = interruptible_call(call.stop, call.wanted->call);
    leave(call);
}

// On the caller's worker.
void interrupt_call(void* arg, WakeCause) {
    SpinGuard hold(calls_lock);
    auto& call = *static_cast<ThreadCall*>(arg);
    if (call.linked()) {
        stop_call(call, kInterrupted);
    }
}

bool stop_all(int fd) {
    bool any = false;
    SpinGuard hold(calls_lock);
    calls.for_each([fd, &any](ThreadCall& call) {
        if (call.wanted->fd == fd) {
            stop_call(call, kClosed);
            any = true;
        }
    });
    return any;
}

}  // namespace

long make_blocking_call(const BlockingCall& wanted) {
    if (current_fiber() == nullptr) {
        const long* args = wanted.call.args;
        return sys::call(wanted.call.number, args[0], args[1], args[2], args[3], args[4], args[5]);
    }
    ThreadCall call;
    call.wanted = &wanted;
    enter(call);
    int error = OffloadPool::waits().run(make_call, &call, {interrupt_call, wanted.cancellable});
    if (error != 0) {
        leave(call);
        return -error;
    }
    bool closed = call.result == -EINTR && call.stop.load(std::memory_order_relaxed) == kClosed;
    return closed ? -EBADF : call.result;
}

void stop_thread_calls(int fd) {
    while (calls_with_fd.load(std::memory_order_seq_cst) > 0) {
        WaitQueue queue(&calls);
        if (!stop_all(fd)) {
            queue.unlock();
            return;
        }
        Waiter waiter(WaitReason::close, reinterpret_cast<const void*>(static_cast<intptr_t>(fd)));
        queue.park_back(waiter, {});
    }
}

Spinlock& thread_calls_fork_lock() { return calls_lock; }

void forget_thread_calls() {
    new (&calls) List<ThreadCall>;
    calls_with_fd.store(0, std::memory_order_relaxed);
}

}  // namespace rondo
