// SPDX-License-Identifier: Apache-2.0
//
// All connections, each with what it waits for and until when. A thread says so before it blocks, which is two plain
// stores; one other thread (expire(), ten times a second) looks through the table and shuts down the sockets of those
// whose time is over, so that their blocked calls return. A slow client cannot stretch a deadline by sending or taking
// a byte now and then.
//
// The alternative is SO_RCVTIMEO and SO_SNDTIMEO: they bound each call, not the sum of them, and cost a timer for every
// wait, even of the busy connections that never come near one.
//
// Draining: idle connections end a moment after their last answer, so that a request that is on its way meets its
// thread.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "knot/clock.h"

namespace knot {

// What a connection does: waits for a request, receives one, sends an answer.
enum class Phase : uint8_t { idle, receiving, sending };

class Connections {
   public:
    using Id = uint32_t;

    // `idle_timeout` in milliseconds, as of every call here.
    Connections(size_t most, uint32_t idle_timeout, const Clock& clock);

    // Enters a connection; false if there are as many as may be. The descriptor is then close()'s to close.
    bool open(int descriptor, Id& id);
    void close(Id id);

    int descriptor(Id id) const { return slots_[id].descriptor; }
    // The connection's own thread alone calls these four.
    void begin(Id id, Phase phase, uint32_t timeout) {
        slots_[id].deadline.store(clock_.milliseconds() + timeout, std::memory_order_relaxed);
        slots_[id].phase.store(phase, std::memory_order_relaxed);
    }
    void begin_idle(Id id) { begin(id, Phase::idle, idle_timeout_); }
    bool is_over(Id id) const;
    void count_request(Id id) {
        std::atomic<uint32_t>& requests = slots_[id].requests;
        requests.store(requests.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    // Ends what has gone on for too long; at most some hundred at a time, so that their ends do not hold up the others.
    void expire();

    bool draining() const { return draining_.load(std::memory_order_relaxed); }
    void drain() { draining_.store(true, std::memory_order_relaxed); }
    // The number that was left when the time was over.
    size_t wait_for_end(uint32_t timeout);

    size_t open_now();
    uint64_t requests();

   private:
    struct Slot {
        std::atomic<uint32_t> deadline{0};  // in the clock's milliseconds
        std::atomic<uint32_t> requests{0};
        int descriptor = -1;  // written under lock_; -1: free
        std::atomic<Phase> phase{Phase::idle};
    };

    bool is_due(const Slot& slot, uint32_t now) const;

    const uint32_t idle_timeout_;
    const Clock& clock_;
    std::atomic<bool> draining_{false};
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t all_ended_;
    std::vector<Slot> slots_;
    // Under lock_.
    std::vector<Id> free_;
    size_t used_ = 0;  // slots that ever were in use
    size_t open_ = 0;
    Id next_ = 0;  // where expire() goes on
    uint64_t ended_requests_ = 0;
};

}  // namespace knot
