// SPDX-License-Identifier: Apache-2.0
//
// Signals against timeouts. A signal must reach a thread that can use it: a waiter that reports ETIMEDOUT must not
// have swallowed one, and a queue whose consumers give up all the time must lose no item.
// Deadlines are spread over the microseconds in which the signal arrives, so that both orders occur.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

// One token, two waiters: an impatient one that leaves the token alone when it has timed out, and a patient one.
struct Round {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond = RONDO_COND_INITIALIZER;
    int waiting = 0, tokens = 0, taken = 0;
    bool over = false;

    void impatient(int64_t patience_ns) {
        rondo_mutex_lock(&mutex);
        ++waiting;
        timespec deadline = to_timespec(now_ns() + patience_ns);
        int rc = rondo_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &deadline);
        if (rc == 0) take();
        rondo_mutex_unlock(&mutex);
    }
    void patient() {
        rondo_mutex_lock(&mutex);
        ++waiting;
        while (tokens == 0 && !over) rondo_cond_wait(&cond, &mutex);
        take();
        rondo_mutex_unlock(&mutex);
    }
    void take() {
        if (tokens == 0) return;
        --tokens;
        ++taken;
    }
};

}  // namespace

TEST_CASE("a waiter that times out does not swallow the signal") {
    int lost = 0;
    for (int i = 0; i < 1000 && lost == 0; ++i) {
        Round round;
        Thread first([&round, i] { round.impatient(i % 100 * 1'000); });
        Thread second([&round] { round.patient(); });
        CHECK(eventually([&] {
            rondo_mutex_lock(&round.mutex);
            bool ready = round.waiting == 2;
            if (ready) {
                round.tokens = 1;
                rondo_cond_signal(&round.cond);
            }
            rondo_mutex_unlock(&round.mutex);
            return ready;
        }));
        first.join();
        CHECK(eventually([&] {
            rondo_mutex_lock(&round.mutex);
            bool done = round.taken == 1;
            rondo_mutex_unlock(&round.mutex);
            return done;
        }));
        rondo_mutex_lock(&round.mutex);
        lost += round.taken != 1;
        round.over = true;
        rondo_cond_broadcast(&round.cond);
        rondo_mutex_unlock(&round.mutex);
    }
    CHECK(lost == 0);
}

TEST_CASE("a bounded queue with impatient producers and consumers loses nothing") {
    constexpr int kItems = 5'000, kCapacity = 4, kPairs = 4;
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t not_empty = RONDO_COND_INITIALIZER, not_full = RONDO_COND_INITIALIZER;
    std::vector<int> queue;
    long put_sum = 0, got_sum = 0;
    int got = 0;
    {
        std::vector<Thread> threads;
        auto wait_briefly = [&](rondo_cond_t* cond, int seed) {
            timespec deadline = to_timespec(now_ns() + seed % 50 * 2'000);
            rondo_cond_clockwait(cond, &mutex, CLOCK_MONOTONIC, &deadline);
        };
        for (int p = 0; p < kPairs; ++p) {
            threads.emplace_back([&, p] {
                for (int i = 0; i < kItems / kPairs; ++i) {
                    rondo_mutex_lock(&mutex);
                    while (queue.size() == kCapacity) wait_briefly(&not_full, i);
                    queue.push_back(i * kPairs + p);
                    put_sum += i * kPairs + p;
                    rondo_cond_signal(&not_empty);
                    rondo_mutex_unlock(&mutex);
                }
            });
            threads.emplace_back([&] {
                for (int i = 0; i < kItems / kPairs; ++i) {
                    rondo_mutex_lock(&mutex);
                    while (queue.empty()) wait_briefly(&not_empty, i);
                    got_sum += queue.back();
                    queue.pop_back();
                    ++got;
                    rondo_cond_signal(&not_full);
                    rondo_mutex_unlock(&mutex);
                }
            });
        }
    }
    CHECK(got == kItems);
    CHECK(got_sum == put_sum);
    CHECK(queue.empty());
}

TEST_CASE("a queue whose waiters never give up is driven by its signals alone") {
    constexpr int kItems = 20'000;
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t changed = RONDO_COND_INITIALIZER;
    int full = 0, consumed = 0;
    Thread producer([&] {
        for (int i = 0; i < kItems; ++i) {
            rondo_mutex_lock(&mutex);
            while (full != 0) rondo_cond_wait(&changed, &mutex);
            full = 1;
            rondo_cond_signal(&changed);
            rondo_mutex_unlock(&mutex);
        }
    });
    Thread consumer([&] {
        for (int i = 0; i < kItems; ++i) {
            rondo_mutex_lock(&mutex);
            while (full == 0) rondo_cond_wait(&changed, &mutex);
            full = 0;
            ++consumed;
            rondo_cond_signal(&changed);
            rondo_mutex_unlock(&mutex);
        }
    });
    producer.join();
    consumer.join();
    CHECK(consumed == kItems);
}
