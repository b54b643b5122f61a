// SPDX-License-Identifier: Apache-2.0
//
// See rwlock.h.

#include "runtime/sync/rwlock.h"

#include <cerrno>

#include "runtime/core/interrupt.h"

namespace rondo {

namespace {

constexpr uint8_t kReader = 0;
constexpr uint8_t kWriterTag = 1;

}  // namespace

void Rwlock::init(RwlockKind kind) {
    word_.store(0, std::memory_order_relaxed);
    writer_.store(0, std::memory_order_relaxed);
    kind_ = kind;
}

int Rwlock::destroy() const { return (word_.load(std::memory_order_relaxed) & (kWriter | kReaders)) != 0 ? EBUSY : 0; }

bool Rwlock::writes_already() const { return writer_.load(std::memory_order_relaxed) == current_owner(); }

// One more reader unless the word has a bit of `barred`. On false `seen` is the word. Without the bucket lock kWaiters
// is one of them: it may come between the load and a failed exchange, and then only the lock's holder changes the word.
bool Rwlock::admit_reader(uint32_t& seen, uint32_t barred) {
    while ((seen & barred) == 0 && (seen & kReaders) != kReaders) {
        if (word_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

int Rwlock::lock_read(Deadline deadline) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    if (admit_reader(seen, kWriter | kWaiters)) {
        return 0;
    }
    if (writes_already()) {
        return EDEADLK;
    }
    WaitQueue queue(this);
    seen = word_.load(std::memory_order_relaxed);
    do {
        bool admitted = (queue.empty() || !readers_queue()) && admit_reader(seen, kWriter);
        if (admitted || (seen & kReaders) == kReaders) {
            queue.unlock();
            return admitted ? 0 : EAGAIN;
        }
    } while (!word_.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed));
    int error = wait(queue, deadline, kReader);
    return error == EINTR ? lock_read(deadline) : error;
}

int Rwlock::try_lock_read() {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    if (admit_reader(seen, kWriter | kWaiters)) {
        return 0;
    }
    WaitQueue queue(this);
    seen = word_.load(std::memory_order_relaxed);
    bool admitted = (queue.empty() || !readers_queue()) && admit_reader(seen, kWriter);
    queue.unlock();
    if (!admitted && self_ != nullptr) {
        self_->yield_current();
    }
    if (admitted) {
        return 0;
    }
    return (seen & kReaders) == kReaders ? EAGAIN : EBUSY;
}

bool Rwlock::take_for_writing(uint32_t& seen) {
    seen = 0;
    return word_.compare_exchange_strong(seen, kWriter, std::memory_order_acquire, std::memory_order_relaxed);
}

int Rwlock::try_lock_write() {
    uint32_t seen;
    if (take_for_writing(seen)) {
        writer_.store(current_owner(), std::memory_order_relaxed);
        return 0;
    }
    if (self_ != nullptr) {
        self_->yield_current();
    }
    return EBUSY;
}

int Rwlock::lock_write(Deadline deadline) {
    uint32_t seen;
    if (!take_for_writing(seen)) {
        if (writes_already()) {
            return EDEADLK;
        }
        WaitQueue queue(this);
        do {
            if (take_for_writing(seen)) {
                queue.unlock();
                writer_.store(current_owner(), std::memory_order_relaxed);
                return 0;
            }
        } while (!word_.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed));
        if (int error = wait(queue, deadline, kWriterTag); error != 0) {
            return error == EINTR ? lock_write(deadline) : error;
        }
    }
    writer_.store(current_owner(), std::memory_order_relaxed);
    return 0;
}

// The bucket is locked, kWaiters is set and the holders exclude the caller. Unlocks the bucket. A waiter that leaves
// may have kept compatible ones behind it waiting; with such behind it the lock still exists.
int Rwlock::wait(WaitQueue& queue, Deadline deadline, uint8_t tag) {
    Waiter waiter(tag == kReader ? WaitReason::rwlock_read : WaitReason::rwlock_write, this);
    waiter.tag = tag;
    if (deadline.invalid()) {
        queue.unlock();
        return EINVAL;
    }
    waiter.interruptible = true;
    WakeCause cause = queue.park_back(waiter, deadline);
    if (cause == WakeCause::woken) {
        return 0;
    }
    WaitQueue again(this);
    Waiter* granted = again.empty() ? nullptr : grant(again, word_.load(std::memory_order_relaxed) & ~kWaiters);
    again.unlock();
    release_all(granted);
    if (cause == WakeCause::timed_out) {
        return ETIMEDOUT;
    }
    interrupted(Restart::always);
    return EINTR;
}

// Under the bucket lock, with kWaiters set: gives the lock to those at the front that `holders` admits, stores the word
// and returns them, claimed.
Waiter* Rwlock::grant(WaitQueue& queue, uint32_t holders) {
    Waiter* chain = nullptr;
    Waiter** end = &chain;
    while (Waiter* first = queue.first()) {
        bool gone = first->outcome() != WakeCause::pending;
        bool writes = first->tag == kWriterTag;
        if (!gone && ((holders & kWriter) != 0 || (writes && holders != 0))) {
            break;
        }
        if (queue.claim(*first)) {
            holders = writes ? kWriter : holders + 1;
            *end = first;
            end = &first->next;
        }
    }
    *end = nullptr;
    word_.store(holders | (queue.empty() ? 0 : kWaiters), std::memory_order_release);
    return chain;
}

int Rwlock::unlock() {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    if ((seen & ~kWaiters) == 0) {
        return EPERM;
    }
    if ((seen & kWriter) != 0) {
        writer_.store(0, std::memory_order_relaxed);
    }
    while ((seen & kWaiters) == 0) {
        uint32_t left = (seen & kWriter) != 0 ? 0 : seen - 1;
        if (word_.compare_exchange_weak(seen, left, std::memory_order_release, std::memory_order_relaxed)) {
            return 0;
        }
    }
    WaitQueue queue(this);
    seen = word_.load(std::memory_order_relaxed) & ~kWaiters;
    Waiter* granted = grant(queue, (seen & kWriter) != 0 ? 0 : seen - 1);
    queue.unlock();
    release_all(granted);
    return 0;
}

}  // namespace rondo
