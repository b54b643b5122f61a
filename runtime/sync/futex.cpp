// SPDX-License-Identifier: Apache-2.0
//
// See futex.h. The word is compared under the bucket lock, which the waker takes after it has changed the word.

#include "runtime/sync/futex.h"

#include <cerrno>

#include "runtime/base/check.h"
#include "runtime/core/wait_table.h"

namespace rondo {

namespace {

struct FutexWaiter : Waiter {
    FutexWaiter(const uint32_t* word, uint32_t wanted) : Waiter(WaitReason::futex, word), bits(wanted) {}
    const uint32_t bits;
};

bool waits_for(const Waiter& waiter, uint32_t bits) {
    return waiter.reason == WaitReason::futex && (static_cast<const FutexWaiter&>(waiter).bits & bits) != 0;
}

// A chain of claimed waiters, in order.
class Claimed {
   public:
    void add(Waiter& waiter) {
        waiter.next = nullptr;
        *end_ = &waiter;
        end_ = &waiter.next;
        ++count_;
    }
    int count() const { return count_; }
    void release() { release_all(first_); }

   private:
    Waiter* first_ = nullptr;
    Waiter** end_ = &first_;
    int count_ = 0;
};

// Returns the waiter behind the last one that was claimed or passed over.
Waiter* claim_some(WaitQueue& queue, int count, uint32_t bits, Claimed& claimed) {
    Waiter* waiter = queue.first();
    while (waiter != nullptr && claimed.count() < count) {
        Waiter* behind = queue.after(*waiter);
        if (waits_for(*waiter, bits) && queue.claim(*waiter)) {
            claimed.add(*waiter);
        }
        waiter = behind;
    }
    return waiter;
}

bool differs(const uint32_t* word, uint32_t expected) { return __atomic_load_n(word, __ATOMIC_SEQ_CST) != expected; }

}  // namespace

int futex_wait(const uint32_t* word, uint32_t expected, Deadline deadline, uint32_t bits, Restart restart) {
    for (;;) {
        WaitQueue queue(word);
        if (differs(word, expected)) {
            queue.unlock();
            return EAGAIN;
        }
        FutexWaiter waiter(word, bits);
        waiter.interruptible = true;
        WakeCause cause = queue.park_back(waiter, deadline);
        if (cause != WakeCause::interrupted) {
            return cause == WakeCause::timed_out ? ETIMEDOUT : 0;
        }
        if (interrupted(restart)) {
            return EINTR;
        }
    }
}

int futex_wake(const uint32_t* word, int count, uint32_t bits) {
    WaitQueue queue(word);
    Claimed claimed;
    claim_some(queue, count, bits, claimed);
    queue.unlock();
    claimed.release();
    return claimed.count();
}

int futex_requeue(const uint32_t* word, const uint32_t* to, FutexMove what) {
    RONDO_CHECK(word != to);
    WaitQueuePair queues(word, to);
    if (what.expected != nullptr && differs(word, *what.expected)) {
        queues.unlock();
        return -EAGAIN;
    }
    Claimed claimed;
    Waiter* waiter = claim_some(queues.from(), what.wake, kEveryBit, claimed);
    int moved = 0;
    while (waiter != nullptr && moved < what.move) {
        Waiter* behind = queues.from().after(*waiter);
        if (waits_for(*waiter, kEveryBit) && waiter->outcome() == WakeCause::pending) {
            ++moved;
            queues.move(*waiter);
        }
        waiter = behind;
    }
    queues.unlock();
    claimed.release();
    return claimed.count() + moved;
}

}  // namespace rondo
