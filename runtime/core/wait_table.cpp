// SPDX-License-Identifier: Apache-2.0
//
// The buckets and their two-level lists. 65,536 buckets of 16 bytes lie in zeroed memory and cost a page where used.
//
// Links: the first waiter of an object is a member of its bucket's object list (next_object, previous_object) and knows
// the object's last waiter; waiters of one object are linked by next and previous.

#include "runtime/core/wait_table.h"

#include <sys/mman.h>

#include "runtime/base/check.h"
#include "runtime/base/spinlock.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/worker.h"

namespace rondo {

struct WaitQueue::Bucket {
    Spinlock lock;
    Waiter* objects = nullptr;  // first waiters of the objects that hash here; guarded by lock
};

struct WaitTable {
    static constexpr unsigned kBits = 16;
    static constexpr size_t kPage = 4096;
    alignas(kPage) static WaitQueue::Bucket buckets[1U << kBits];  // whole pages, to be dropped after a fork

    static WaitQueue::Bucket& of(const void* object) {
        uint64_t mixed = reinterpret_cast<uint64_t>(object) * 0x9E3779B97F4A7C15ULL;
        return buckets[mixed >> (64 - kBits)];
    }
};

alignas(WaitTable::kPage) constinit WaitQueue::Bucket WaitTable::buckets[1U << kBits] = {};

static_assert(sizeof WaitTable::buckets % WaitTable::kPage == 0);

namespace {

// What the caller knows of its object, it knows no longer when it has the bucket.
void come_to_queue() {
    if (exploring() && self_ != nullptr) {
        self_->let_others_run("queue");
    }
}

}  // namespace

void forget_all_waiters() { sys::madvise(WaitTable::buckets, sizeof WaitTable::buckets, MADV_DONTNEED); }

WaitQueue::WaitQueue(const void* object) : object_(object), bucket_(&WaitTable::of(object)), first_(nullptr) {
    come_to_queue();
    bucket_->lock.lock();
    find_first();
}

WaitQueue::WaitQueue(const void* object, Locked) : object_(object), bucket_(&WaitTable::of(object)), first_(nullptr) {
    find_first();
}

void WaitQueue::find_first() {
    first_ = bucket_->objects;
    while (first_ != nullptr && first_->object != object_) {
        first_ = first_->next_object;
    }
}

void WaitQueue::unlock() { bucket_->lock.unlock(); }

// The queue object lies in the parked thread's frame; that thread cannot run before this returns.
void WaitQueue::unlock_parked(void* parked) {
    auto* queue = static_cast<WaitQueue*>(parked);
    queue->unlock();
    if (queue->then_.run != nullptr) {
        queue->then_.run(queue->then_.arg);
    }
}

WakeCause WaitQueue::park_back(Waiter& waiter, Deadline deadline, Unlock then) {
    then_ = then;
    insert_back(waiter);
    return park(waiter, deadline);
}

WakeCause WaitQueue::park_front(Waiter& waiter, Deadline deadline) {
    insert_front(waiter);
    return park(waiter, deadline);
}

WakeCause WaitQueue::park(Waiter& waiter, Deadline deadline) {
    WakeCause cause = rondo::park(waiter, {unlock_parked, this}, deadline);
    if (cause != WakeCause::woken) {
        leave(waiter);
    }
    bool ended = cause != WakeCause::interrupted && waiter.interruptible;
    if (ended && waiter.fiber != nullptr && waiter.fiber->signal_due.load(std::memory_order_relaxed)) {
        interrupted(Restart::always);  // they came too late to end the wait
    }
    return cause;
}

// The waiter may have been moved to another object since it was queued, and is moved under the locks of both.
void WaitQueue::leave(Waiter& waiter) const {
    for (;;) {
        const void* object = __atomic_load_n(&waiter.object, __ATOMIC_RELAXED);
        WaitQueue again(object);
        bool here = waiter.object == object;
        if (here && waiter.queued) {
            again.remove(waiter);
            if (leave_.run != nullptr) {
                leave_.run(leave_.arg);
            }
        }
        again.unlock();
        if (here) {
            return;
        }
    }
}

void WaitQueue::insert_back(Waiter& waiter) {
    RONDO_CHECK(!waiter.queued);
    __atomic_store_n(&waiter.object, object_, __ATOMIC_RELAXED);
    waiter.queued = true;
    waiter.next = nullptr;
    if (first_ == nullptr) {
        waiter.previous = nullptr;
        replace_first(waiter, &waiter);
        return;
    }
    waiter.previous = first_->last;
    first_->last->next = &waiter;
    first_->last = &waiter;
}

void WaitQueue::insert_front(Waiter& waiter) {
    Waiter* old_first = first_;
    if (old_first == nullptr) {
        insert_back(waiter);
        return;
    }
    RONDO_CHECK(!waiter.queued);
    __atomic_store_n(&waiter.object, object_, __ATOMIC_RELAXED);
    waiter.queued = true;
    waiter.previous = nullptr;
    waiter.next = old_first;
    old_first->previous = &waiter;
    waiter.last = old_first->last;
    replace_first(*old_first, &waiter);
}

// Puts new_first where old_first stands in the bucket's list of objects; null takes the object out of it. With both
// the same, the object is new to the bucket.
void WaitQueue::replace_first(Waiter& old_first, Waiter* new_first) {
    if (&old_first == new_first) {
        new_first->last = new_first;
        new_first->previous_object = nullptr;
        new_first->next_object = bucket_->objects;
    } else if (new_first != nullptr) {
        new_first->previous_object = old_first.previous_object;
        new_first->next_object = old_first.next_object;
    }
    Waiter* before = (new_first != nullptr ? *new_first : old_first).previous_object;
    Waiter* behind = (new_first != nullptr ? *new_first : old_first).next_object;
    (before != nullptr ? before->next_object : bucket_->objects) = new_first != nullptr ? new_first : behind;
    if (behind != nullptr) {
        behind->previous_object = new_first != nullptr ? new_first : before;
    }
    first_ = new_first;
}

void WaitQueue::remove(Waiter& waiter) {
    RONDO_CHECK(waiter.queued && first_ != nullptr);
    waiter.queued = false;
    if (&waiter == first_) {
        Waiter* heir = waiter.next;
        if (heir != nullptr) {
            heir->last = waiter.last;
            heir->previous = nullptr;
        }
        replace_first(waiter, heir);
        return;
    }
    waiter.previous->next = waiter.next;
    if (waiter.next != nullptr) {
        waiter.next->previous = waiter.previous;
    } else {
        first_->last = waiter.previous;
    }
}

bool WaitQueue::claim(Waiter& waiter) {
    remove(waiter);
    return waiter.claim(WakeCause::woken);
}

Waiter* WaitQueue::claim_first() {
    while (first_ != nullptr) {
        Waiter* candidate = first_;
        if (claim(*candidate)) {
            return candidate;
        }
    }
    return nullptr;
}

Waiter* WaitQueue::claim_all() {
    Waiter* chain = nullptr;
    Waiter** end = &chain;
    while (Waiter* claimed = claim_first()) {
        *end = claimed;
        end = &claimed->next;
    }
    *end = nullptr;
    return chain;
}

// Buckets are locked in the order of their addresses, and once if both objects hash to one.
const void* WaitQueuePair::lock_both(const void* from, const void* to) {
    come_to_queue();
    WaitQueue::Bucket* first = &WaitTable::of(from);
    WaitQueue::Bucket* second = &WaitTable::of(to);
    if (second < first) {
        WaitQueue::Bucket* swapped = first;
        first = second;
        second = swapped;
    }
    first->lock.lock();
    if (second != first) {
        second->lock.lock();
    }
    return from;
}

WaitQueuePair::WaitQueuePair(const void* from, const void* to)
    : from_(lock_both(from, to), WaitQueue::Locked{}), to_(to, WaitQueue::Locked{}) {}

void WaitQueuePair::unlock() {
    from_.unlock();
    if (to_.bucket_ != from_.bucket_) {
        to_.unlock();
    }
}

void WaitQueuePair::move(Waiter& waiter) {
    from_.remove(waiter);
    to_.insert_back(waiter);
}

int release_all(Waiter* chain) {
    int count = 0;
    while (chain != nullptr) {
        Waiter* next = chain->next;
        release(*chain);
        chain = next;
        ++count;
    }
    return count;
}

}  // namespace rondo
