// SPDX-License-Identifier: Apache-2.0
//
// See connections.h. A thread ends its entry before the descriptor is closed, and under the lock under which expire()
// shuts down: so no number is shut down that another connection got meanwhile.

#include "knot/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <ctime>

#include "knot/lock.h"

namespace knot {

namespace {

constexpr size_t kMostExpired = 256;
constexpr uint32_t kDrainGrace = 1000;  // ms

timespec in_milliseconds(uint32_t milliseconds) {
    timespec at{};
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += milliseconds % 1000 * 1'000'000L;
    if (at.tv_nsec >= 1'000'000'000) {
        ++at.tv_sec;
        at.tv_nsec -= 1'000'000'000;
    }
    return at;
}

}  // namespace

Connections::Connections(size_t most, uint32_t idle_timeout, const Clock& clock)
    : idle_timeout_(idle_timeout), clock_(clock), slots_(most) {
    free_.reserve(most);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&all_ended_, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool Connections::open(int descriptor, Id& id) {
    Locked locked(lock_);
    if (free_.empty()) {
        if (used_ == slots_.size()) {
            return false;
        }
        id = static_cast<Id>(used_++);
    } else {
        id = free_.back();
        free_.pop_back();
    }
    begin_idle(id);
    slots_[id].descriptor = descriptor;
    ++open_;
    return true;
}

void Connections::close(Id id) {
    Slot& slot = slots_[id];
    int descriptor = slot.descriptor;
    {
        Locked locked(lock_);
        slot.descriptor = -1;
        ended_requests_ += slot.requests.exchange(0, std::memory_order_relaxed);
        free_.push_back(id);
    }
    ::close(descriptor);
    Locked locked(lock_);
    if (--open_ == 0) {
        pthread_cond_broadcast(&all_ended_);
    }
}

bool Connections::is_over(Id id) const {
    return static_cast<int32_t>(clock_.milliseconds() - slots_[id].deadline.load(std::memory_order_relaxed)) >= 0;
}

bool Connections::is_due(const Slot& slot, uint32_t now) const {
    uint32_t deadline = slot.deadline.load(std::memory_order_relaxed);
    if (draining() && slot.phase.load(std::memory_order_relaxed) == Phase::idle) {
        deadline += kDrainGrace - idle_timeout_;
    }
    return slot.descriptor >= 0 && static_cast<int32_t>(now - deadline) >= 0;
}

// Whoever receives may still answer; whoever sends has had his time.
void Connections::expire() {
    Locked locked(lock_);
    uint32_t now = clock_.milliseconds();
    size_t expired = 0;
    for (size_t looked = 0; looked < used_ && expired < kMostExpired; ++looked) {
        next_ = next_ + 1 < used_ ? next_ + 1 : 0;
        const Slot& slot = slots_[next_];
        if (is_due(slot, now)) {
            bool sends = slot.phase.load(std::memory_order_relaxed) == Phase::sending;
            shutdown(slot.descriptor, sends ? SHUT_RDWR : SHUT_RD);
            ++expired;
        }
    }
}

size_t Connections::wait_for_end(uint32_t timeout) {
    timespec deadline = in_milliseconds(timeout);
    Locked locked(lock_);
    while (open_ > 0 && pthread_cond_timedwait(&all_ended_, &lock_, &deadline) == 0) {
    }
    return open_;
}

size_t Connections::open_now() {
    Locked locked(lock_);
    return open_;
}

uint64_t Connections::requests() {
    Locked locked(lock_);
    uint64_t sum = ended_requests_;
    for (size_t id = 0; id < used_; ++id) {
        sum += slots_[id].requests.load(std::memory_order_relaxed);
    }
    return sum;
}

}  // namespace knot
