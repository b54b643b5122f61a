// SPDX-License-Identifier: Apache-2.0
//
// Everybody who waits for an object in memory, keyed by the object's address, as in Linux's futexes and WebKit's
// ParkingLot: the object itself holds one word and may be destroyed and unmapped by the very thread that is woken.
//
// A fixed array of buckets, never freed, each a spinlock and a list of the first waiters of distinct objects; the other
// waiters of an object hang off its first one. So 100,000 waiters on one object, or one on each of 100,000 objects,
// queue and leave in O(1). When the first waiter leaves, the second inherits its place.
//
// A bucket's lock is held from the decision to park until the parking thread is off its stack; whoever changes an
// object's word so that waiters matter does it under the same lock. That is what makes a lost wake-up impossible.
//
// Rejected: a queue inside the object (the waker would touch freed memory) and a hash that grows (it must allocate
// under a lock).
#pragma once

#include "runtime/core/park.h"

namespace rondo {

// The locked queue of one object. Constructing it locks the bucket; unlock() or park() must follow.
class WaitQueue {
   public:
    explicit WaitQueue(const void* object);
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;

    void unlock();

    Waiter* first() const { return first_; }
    Waiter* after(const Waiter& waiter) const { return waiter.next; }
    bool empty() const { return first_ == nullptr; }

    // Queues the calling thread's waiter, unlocks once the thread is off its stack, and returns when it runs again. If
    // it left by timeout, cancellation or signal it is no longer queued on return. `then` runs after the unlock, also
    // off the thread's stack.
    WakeCause park_back(Waiter& waiter, Deadline deadline, Unlock then = {});
    WakeCause park_front(Waiter& waiter, Deadline deadline);

    // What the next park does under the bucket lock if its waiter leaves the queue by itself; nothing if a waker took
    // it out before.
    void on_leaving(Unlock leave) { leave_ = leave; }

    // Takes the first waiter that can still be woken out of the queue and claims it; null if there is none. Those that
    // timed out or were cancelled meanwhile are taken out on the way. The caller owes each a release(), after unlock().
    Waiter* claim_first();

    // The same for this one; false if it can no longer be woken (it is taken out all the same).
    bool claim(Waiter& waiter);

    // Claims all, in order, linked by Waiter::next. The caller releases each after unlock().
    Waiter* claim_all();

   private:
    struct Bucket;
    friend struct WaitTable;
    friend class WaitQueuePair;
    struct Locked {};

    WaitQueue(const void* object, Locked);  // the bucket is locked already

    void insert_back(Waiter& waiter);
    void insert_front(Waiter& waiter);
    void remove(Waiter& waiter);
    void replace_first(Waiter& old_first, Waiter* new_first);
    WakeCause park(Waiter& waiter, Deadline deadline);
    void find_first();
    void leave(Waiter& waiter) const;
    static void unlock_parked(void* queue);

    const void* object_;
    Bucket* bucket_;
    Waiter* first_;
    Unlock then_;
    Unlock leave_;
};

// In a forked child: nobody waits for anything.
void forget_all_waiters();

// The locked queues of two different objects, to move waiters from one to the other. unlock() must follow.
class WaitQueuePair {
   public:
    WaitQueuePair(const void* from, const void* to);

    void unlock();

    WaitQueue& from() { return from_; }

    // Takes a waiter of the first object and puts it last at the second.
    void move(Waiter& waiter);

   private:
    static const void* lock_both(const void* from, const void* to);

    WaitQueue from_;
    WaitQueue to_;
};

// Releases a chain of claimed waiters linked by Waiter::next; returns how many.
int release_all(Waiter* chain);

}  // namespace rondo
