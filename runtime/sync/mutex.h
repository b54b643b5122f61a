// SPDX-License-Identifier: Apache-2.0
//
// The mutex of all four kinds, in the 40 bytes of pthread_mutex_t with the kind where glibc's static initialisers put
// it.
//
//   word         meaning                      lock by a new thread     unlock
//   0            free                         CAS to kLocked           -
//   kLocked      held, nobody waits           wait (sets kWaiters)     CAS to 0
//   both         held, threads may wait       wait                     slow: under the bucket lock
//   kWaiters     free, woken threads on their CAS to both              -
//                way or others waiting
//
// Unlocking with waiters wakes the first and leaves the lock free, so that a running thread may take it meanwhile
// (barging: a lock is not idle while a wake-up travels). A woken thread that finds it taken queues at the front with
// the tag kHandOff, and the next unlock gives it the lock. So a waiter is overtaken during one wake-up at most.
//
// The slow unlock decides and stores under the bucket lock, and after that store touches only the bucket: the next
// owner may destroy and unmap the mutex at once.
//
// A mutex between processes has the same word, and its waiters sleep on it in the kernel (shared_futex.h): they set
// both bits, and an unlock that finds kWaiters wakes one, which sets both again, for it cannot know whether others
// sleep. Its owner is named by process and thread, since a forked child's threads have the addresses of its parent's.
//
// Rejected: always handing over (a convoy across workers: each section waits for a wake-up), never handing over
// (starvation).
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/core/worker.h"

namespace rondo {

enum class MutexKind : int { normal = 0, recursive = 1, errorcheck = 2, adaptive = 3 };

class Mutex {
   public:
    void init(MutexKind kind, bool shared = false);
    int destroy() const;  // 0 or EBUSY

    // 0; EDEADLK (errorcheck); EAGAIN (recursion count); ETIMEDOUT; EINVAL (invalid deadline).
    int lock(Deadline deadline) { return try_lock_simply() ? 0 : lock_carefully(deadline); }
    // 0, EBUSY or EAGAIN.
    int try_lock();
    // 0 or EPERM.
    int unlock() { return try_unlock_simply() ? 0 : unlock_carefully(); }

    // For the condition variable: gives the mutex up whatever its recursion, and takes it back to that depth.
    uint32_t release_all_levels();
    void reacquire(uint32_t levels);

    bool held_by_caller() const;
    // Of a private mutex: the handle of its owner; 0 while nobody is known to own it. Any thread, also on a copy.
    uint64_t holder() const {
        bool held = (word_.load(std::memory_order_relaxed) & kLocked) != 0 && !shared();
        return held ? owner_.load(std::memory_order_relaxed) : 0;
    }
    bool checks_owner() const { return type() == MutexKind::recursive || type() == MutexKind::errorcheck; }

   private:
    static constexpr uint32_t kLocked = 1;
    static constexpr uint32_t kWaiters = 2;

    static constexpr int kTypeMask = 3;
    static constexpr int kShared = 128;  // in kind_: between processes

    bool shared() const { return (kind_ & kShared) != 0; }
    MutexKind type() const { return static_cast<MutexKind>(kind_ & kTypeMask); }
    // Of a private mutex whose kind does not ask who holds it; in one test.
    bool simple() const {
        static_assert(static_cast<int>(MutexKind::normal) == 0 && static_cast<int>(MutexKind::adaptive) == 3);
        return ((kind_ + 1) & (kShared | 2)) == 0;
    }
    uint64_t owner_name() const;

    // The uncontended case of simple mutexes, inlined into the API's functions. A thread that takes locks in a loop
    // lets the others run at times: without the lock, in lock_carefully.
    bool try_lock_simply() {
        if (!simple()) {
            return false;
        }
        Fiber* fiber = current_fiber();
        if ((fiber != nullptr && !fiber->worker->has_budget()) || !acquire_fast()) {
            return false;
        }
        owner_.store(fiber != nullptr ? fiber->handle : current_owner(), std::memory_order_relaxed);
        return true;
    }

    bool try_unlock_simply() {
        if (!simple()) {
            return false;
        }
        owner_.store(0, std::memory_order_relaxed);
        return release_fast();
    }

    bool acquire_fast() {
        uint32_t free = 0;
        return word_.compare_exchange_strong(free, kLocked, std::memory_order_acquire, std::memory_order_relaxed);
    }

    bool release_fast() {
        uint32_t held = kLocked;
        return word_.compare_exchange_strong(held, 0, std::memory_order_release, std::memory_order_relaxed);
    }

    int lock_carefully(Deadline deadline);
    int unlock_carefully();
    int lock_owned();
    void spend() const;
    int acquire_slow(Deadline deadline);
    int acquire_shared(Deadline deadline);
    void release();
    void release_slow();

    std::atomic<uint32_t> word_;
    uint32_t count_;               // recursion levels above the first; the owner's
    std::atomic<uint64_t> owner_;  // written by the owner; read by anyone who asks "is it me?"
    int kind_;                     // MutexKind, with kShared; constant
};

}  // namespace rondo
