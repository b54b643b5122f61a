// SPDX-License-Identifier: Apache-2.0
//
// See stage.h. Who pushes wakes a thread only if one waits; who takes and leaves something wakes the next.
#include "bench/servers/stage.h"

#include <sched.h>

#include <algorithm>
#include <ctime>

namespace twin {

namespace {

class Locked {
   public:
    explicit Locked(pthread_mutex_t& lock) : lock_(lock) { pthread_mutex_lock(&lock_); }
    ~Locked() { pthread_mutex_unlock(&lock_); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

   private:
    pthread_mutex_t& lock_;
};

}  // namespace

Stage::Stage(void* server, const knot::Clock& clock, const Settings& settings)
    : server_(server), clock_(clock), settings_(settings), ring_(settings.capacity) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&not_empty_, &attributes);
    pthread_condattr_destroy(&attributes);
}

int Stage::start() {
    {
        Locked locked(lock_);
        ++threads_;
    }
    pthread_t thread;
    const int error = pthread_create(&thread, nullptr, run, this);
    if (error == 0) return pthread_detach(thread);
    Locked locked(lock_);
    --threads_;
    return error;
}

bool Stage::should_grow() {
    const uint32_t now = clock_.milliseconds();
    if (count_ <= kGrow || threads_ >= settings_.most_threads || now == grown_) return false;
    grown_ = now;
    return true;
}

size_t Stage::push(StagedConnection* const* connections, size_t count) {
    bool grow = false, wake = false;
    {
        Locked locked(lock_);
        count = std::min(count, settings_.capacity - count_);
        for (size_t i = 0; i < count; ++i) ring_[(first_ + count_ + i) % settings_.capacity] = connections[i];
        count_ += count;
        wake = waiting_ > 0;
        grow = !wake && should_grow();
    }
    if (wake) pthread_cond_signal(&not_empty_);
    if (grow) start();
    return count;
}

// With lock_ held.
bool Stage::wait_for_work() {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += kIdleSeconds;
    ++waiting_;
    while (count_ == 0) {
        const int error =
            threads_ > 1 ? pthread_cond_timedwait(&not_empty_, &lock_, &until) : pthread_cond_wait(&not_empty_, &lock_);
        if (error != 0 && count_ == 0 && threads_ > 1) break;
    }
    --waiting_;
    return count_ > 0;
}

size_t Stage::take(StagedConnection** batch) {
    Locked locked(lock_);
    if (count_ == 0 && !wait_for_work()) {
        --threads_;
        return 0;
    }
    const size_t count = std::min(count_, kBatch);
    for (size_t i = 0; i < count; ++i) batch[i] = ring_[(first_ + i) % settings_.capacity];
    first_ = (first_ + count) % settings_.capacity;
    count_ -= count;
    if (count_ > 0 && waiting_ > 0) pthread_cond_signal(&not_empty_);
    return count;
}

void run_in_batches() {
    const sched_param none{};
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
}

void* Stage::run(void* argument) {
    run_in_batches();
    Stage& stage = *static_cast<Stage*>(argument);
    Outbox out = make_outbox(stage.server_);
    StagedConnection* batch[kBatch];
    while (const size_t count = stage.take(batch)) {
        for (size_t i = 0; i < count; ++i) stage.settings_.handler(stage.server_, batch[i], out);
        out.flush();
    }
    return nullptr;
}

// Whom a stage refuses goes to another, so the list stays as it is.
void Outbox::flush(size_t stage) {
    const size_t count = counts_[stage];
    const size_t admitted = stages_[stage]->push(lists_[stage], count);
    for (size_t i = admitted; i < count; ++i) refused_(server_, lists_[stage][i], *this);
    counts_[stage] = 0;
}

void Outbox::flush() {
    for (bool again = true; again;) {
        again = false;
        for (size_t stage = 0; stage < kStages; ++stage) {
            if (counts_[stage] == 0) continue;
            flush(stage);
            again = true;
        }
    }
}

}  // namespace twin
