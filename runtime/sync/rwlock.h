// SPDX-License-Identifier: Apache-2.0
//
// Read-write lock, in the 56 bytes of pthread_rwlock_t with the kind where glibc's static initialisers put it.
//
//   word = [kWriter][kWaiters][number of readers]
//
// Without kWaiters every step is one compare-and-swap. While kWaiters is set the word changes only under the bucket
// lock; there an unlock hands the lock to the first waiter, or to the readers that stand together at the front. A
// waiter that was woken owns the lock and touches nothing.
//
// By default readers come in past waiting writers (as glibc: a thread may read-lock twice); the kind
// prefer-writer-nonrecursive makes them queue.
//
// Rejected: waking waiters to compete (as the mutex does). Sections under a rwlock are long, and a herd of readers that
// finds a new writer parks again.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/wait_table.h"

namespace rondo {

enum class RwlockKind : unsigned { prefer_reader = 0, prefer_writer = 1, prefer_writer_nonrecursive = 2 };

class Rwlock {
   public:
    void init(RwlockKind kind);
    int destroy() const;  // 0 or EBUSY

    // 0; ETIMEDOUT; EDEADLK: the caller holds it for writing; EAGAIN: too many readers; EINVAL: invalid deadline.
    int lock_read(Deadline deadline);
    int lock_write(Deadline deadline);
    int try_lock_read();   // 0, EBUSY or EAGAIN
    int try_lock_write();  // 0 or EBUSY
    int unlock();          // 0, or EPERM where it is not locked

    // The handle of the thread that holds it for writing, or 0. Any thread, also on a copy.
    uint64_t writer() const {
        bool held = (word_.load(std::memory_order_relaxed) & kWriter) != 0;
        return held ? writer_.load(std::memory_order_relaxed) : 0;
    }
    uint32_t readers() const { return word_.load(std::memory_order_relaxed) & kReaders; }

   private:
    static constexpr uint32_t kWriter = 1U << 31;
    static constexpr uint32_t kWaiters = 1U << 30;
    static constexpr uint32_t kReaders = kWaiters - 1;

    bool readers_queue() const { return kind_ == RwlockKind::prefer_writer_nonrecursive; }
    bool writes_already() const;
    bool admit_reader(uint32_t& seen, uint32_t barred);
    bool take_for_writing(uint32_t& seen);
    int wait(WaitQueue& queue, Deadline deadline, uint8_t tag);
    Waiter* grant(WaitQueue& queue, uint32_t holders);

    std::atomic<uint32_t> word_;
    [[maybe_unused]] uint32_t pad_;
    std::atomic<uint64_t> writer_;  // the writing thread, for EDEADLK; written by it
    [[maybe_unused]] char reserved_[32];
    RwlockKind kind_;
};

static_assert(sizeof(Rwlock) <= 56);

}  // namespace rondo
