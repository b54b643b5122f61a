// SPDX-License-Identifier: Apache-2.0
//
// See the table of states in mutex.h.

#include "runtime/sync/mutex.h"

#include <cerrno>

#include "runtime/base/process_id.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/wait_table.h"
#include "runtime/sync/shared_futex.h"

namespace rondo {

namespace {

constexpr uint8_t kHandOff = 1;
constexpr uint32_t kMaxLevels = UINT32_MAX;

}  // namespace

void Mutex::init(MutexKind kind, bool shared) {
    word_.store(0, std::memory_order_relaxed);
    owner_.store(0, std::memory_order_relaxed);
    count_ = 0;
    kind_ = static_cast<int>(kind) | (shared ? kShared : 0);
}

int Mutex::destroy() const { return (word_.load(std::memory_order_relaxed) & kLocked) != 0 ? EBUSY : 0; }

// Handles are addresses of blocks that are aligned to 64 bytes: 41 bits of them tell one from another.
uint64_t Mutex::owner_name() const {
    return shared() ? uint64_t{ProcessId::get()} << 41 | current_owner() >> 6 : current_owner();
}

bool Mutex::held_by_caller() const { return owner_.load(std::memory_order_relaxed) == owner_name(); }

// What try_lock_simply found used up, or did not look at.
void Mutex::spend() const {
    if (current_fiber() != nullptr && (!self_->has_budget() || exploring())) {
        self_->budget_spent("mutex_lock");
    }
}

int Mutex::lock_carefully(Deadline deadline) {
    spend();
    if (checks_owner() && held_by_caller()) {
        return lock_owned();
    }
    if (!acquire_fast()) {
        int error = acquire_slow(deadline);
        if (error != 0) {
            return error;
        }
    }
    owner_.store(owner_name(), std::memory_order_relaxed);
    choice_point("mutex_locked");
    return 0;
}

int Mutex::lock_owned() {
    if (type() == MutexKind::errorcheck) {
        return EDEADLK;
    }
    if (count_ == kMaxLevels) {
        return EAGAIN;
    }
    ++count_;
    return 0;
}

int Mutex::try_lock() {
    if (type() == MutexKind::recursive && held_by_caller()) {
        return lock_owned();
    }
    uint32_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & kLocked) == 0) {
        if (word_.compare_exchange_weak(seen, seen | kLocked, std::memory_order_acquire, std::memory_order_relaxed)) {
            owner_.store(owner_name(), std::memory_order_relaxed);
            return 0;
        }
    }
    if (Worker* worker = self_) {
        worker->yield_current();
    }
    return EBUSY;
}

// Loops: try, else queue and park. `waited`: it was woken once and found the lock taken again.
int Mutex::acquire_slow(Deadline deadline) {
    bool waited = false;
    if (deadline.invalid() && (word_.load(std::memory_order_relaxed) & kLocked) != 0) {
        return EINVAL;
    }
    if (shared()) {
        return acquire_shared(deadline);
    }
    for (;;) {
        WaitQueue queue(this);
        uint32_t seen = word_.load(std::memory_order_relaxed);
        if ((seen & kLocked) == 0) {
            uint32_t taken = queue.empty() ? kLocked : kLocked | kWaiters;
            bool won = word_.compare_exchange_strong(seen, taken, std::memory_order_acquire);
            queue.unlock();
            if (won) {
                return 0;
            }
            continue;
        }
        if (!word_.compare_exchange_strong(seen, kLocked | kWaiters, std::memory_order_relaxed)) {
            queue.unlock();
            continue;
        }
        Waiter waiter(WaitReason::mutex, this);
        waiter.tag = waited ? kHandOff : 0;
        waiter.interruptible = true;
        WakeCause cause = waited ? queue.park_front(waiter, deadline) : queue.park_back(waiter, deadline);
        if (cause == WakeCause::timed_out) {
            return ETIMEDOUT;
        }
        if (cause == WakeCause::interrupted) {
            interrupted(Restart::always);
            continue;
        }
        if (waited) {
            return 0;  // handed over
        }
        waited = true;
    }
}

int Mutex::unlock_carefully() {
    if (checks_owner()) {
        if (!held_by_caller()) {
            return EPERM;
        }
        if (count_ > 0) {
            --count_;
            return 0;
        }
    }
    release();
    choice_point("mutex_unlock");
    return 0;
}

void Mutex::release() {
    owner_.store(0, std::memory_order_relaxed);
    if (!release_fast()) {
        release_slow();
    }
}

// A few turns of the others first: sections are short, and a wait costs a kernel thread.
int Mutex::acquire_shared(Deadline deadline) {
    constexpr int kTurns = 4;
    for (int turn = 0; turn < kTurns && self_ != nullptr; ++turn) {
        self_->yield_current();
        if (acquire_fast()) {
            return 0;
        }
    }
    while ((word_.exchange(kLocked | kWaiters, std::memory_order_acquire) & kLocked) != 0) {
        long result = shared_futex_wait(&word_, kLocked | kWaiters, deadline, false);
        if (result == -ETIMEDOUT) {
            return ETIMEDOUT;
        }
        if (result == -EINTR) {
            interrupted(Restart::always);
        }
    }
    return 0;
}

void Mutex::release_slow() {
    if (shared()) {
        if ((word_.exchange(0, std::memory_order_release) & kWaiters) != 0) {
            shared_futex_wake(&word_, 1);
        }
        return;
    }
    WaitQueue queue(this);
    Waiter* waiter = queue.claim_first();
    bool hand_off = waiter != nullptr && waiter->tag == kHandOff;
    uint32_t others = queue.empty() ? 0 : kWaiters;
    word_.store(hand_off ? kLocked | others : others, std::memory_order_release);
    queue.unlock();
    if (waiter != nullptr) {
        rondo::release(*waiter);
    }
}

uint32_t Mutex::release_all_levels() {
    uint32_t levels = count_;
    count_ = 0;
    release();
    return levels;
}

void Mutex::reacquire(uint32_t levels) {
    if (!acquire_fast()) {
        acquire_slow({});
    }
    owner_.store(owner_name(), std::memory_order_relaxed);
    count_ = levels;
}

}  // namespace rondo
