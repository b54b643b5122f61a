// SPDX-License-Identifier: Apache-2.0
//
// Mutexes under competition: exclusion with yields inside the critical section, no waiter starved by a thread that
// takes the lock again and again, timed waiters that leave without taking the lock with them, and a mutex destroyed
// by the thread that got it last.
// Plain ints guarded by the mutex are the witnesses: a broken lock loses counts, and TSan sees the race.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

void count_under_lock(int kind, int threads, int rounds) {
    rondo_mutexattr_t attr;
    rondo_mutexattr_init(&attr);
    rondo_mutexattr_settype(&attr, kind);
    rondo_mutex_t mutex;
    REQUIRE(rondo_mutex_init(&mutex, &attr) == 0);
    long total = 0;
    int inside = 0, overlaps = 0;
    {
        std::vector<Thread> workers;
        for (int i = 0; i < threads; ++i) {
            workers.emplace_back([&, i] {
                for (int round = 0; round < rounds; ++round) {
                    rondo_mutex_lock(&mutex);
                    overlaps += inside++ != 0;
                    if ((round + i) % 4 == 0) rondo_yield();
                    --inside;
                    ++total;
                    rondo_mutex_unlock(&mutex);
                }
            });
        }
    }
    CHECK(total == static_cast<long>(threads) * rounds);
    CHECK(overlaps == 0);
    CHECK(rondo_mutex_destroy(&mutex) == 0);
}

}  // namespace

TEST_CASE("every kind excludes, with yields inside") {
    for (int kind : {RONDO_MUTEX_NORMAL, RONDO_MUTEX_RECURSIVE, RONDO_MUTEX_ERRORCHECK, RONDO_MUTEX_ADAPTIVE}) {
        count_under_lock(kind, 20, 500);
    }
}

TEST_CASE("hundreds of threads share one lock") { count_under_lock(RONDO_MUTEX_NORMAL, 500, 20); }

TEST_CASE("a thread that relocks at once does not starve a waiter") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    std::atomic<int> served{0};
    constexpr int kWaiters = 10;
    std::vector<Thread> waiters;
    rondo_mutex_lock(&mutex);
    for (int i = 0; i < kWaiters; ++i) {
        waiters.emplace_back([&] {
            rondo_mutex_lock(&mutex);
            served.fetch_add(1);
            rondo_mutex_unlock(&mutex);
        });
    }
    for (Thread& waiter : waiters) waiter.await_parked();
    rondo_mutex_unlock(&mutex);
    CHECK(eventually([&] {
        rondo_mutex_lock(&mutex);
        rondo_yield();
        rondo_mutex_unlock(&mutex);
        return served.load() == kWaiters;
    }));
}

TEST_CASE("trylock in a loop lets the owner go on") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    Gate gate;
    Thread owner([&] {
        rondo_mutex_lock(&mutex);
        gate.open();
        for (int i = 0; i < 100; ++i) rondo_yield();
        rondo_mutex_unlock(&mutex);
    });
    gate.pass();
    CHECK(eventually([&] { return rondo_mutex_trylock(&mutex) == 0; }));
    rondo_mutex_unlock(&mutex);
}

TEST_CASE("timed waiters that give up neither take the lock nor lose it") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    long got = 0;
    std::atomic<long> counted{0}, timeouts{0};
    {
        std::vector<Thread> threads;
        for (int i = 0; i < 20; ++i) {
            threads.emplace_back([&, i] {
                for (int round = 0; round < 200; ++round) {
                    timespec deadline = to_timespec(now_ns() + (i * 37 + round * 11) % 200 * 1'000);
                    int rc = rondo_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &deadline);
                    if (rc != 0) {
                        timeouts.fetch_add(1);
                        continue;
                    }
                    ++got;
                    counted.fetch_add(1);
                    if (round % 2 == 0) rondo_yield();
                    rondo_mutex_unlock(&mutex);
                }
            });
        }
    }
    CHECK(got == counted.load());
    CHECK(got + timeouts.load() == 20 * 200);
    CHECK(got > 0);
    CHECK(rondo_mutex_trylock(&mutex) == 0);
    CHECK(rondo_mutex_unlock(&mutex) == 0);
    CHECK(rondo_mutex_destroy(&mutex) == 0);
}

TEST_CASE("the thread that got the mutex last may destroy it and unmap it at once") {
    struct Shared {
        rondo_mutex_t mutex;
        int references;
    };
    for (int round = 0; round < 300; ++round) {
        OwnPage<Shared> page;
        rondo_mutex_init(&page->mutex, nullptr);
        page->references = 4;
        auto drop = [&page] {
            rondo_mutex_lock(&page->mutex);
            bool last = --page->references == 0;
            rondo_mutex_unlock(&page->mutex);
            if (last) page.vanish();
        };
        std::vector<Thread> threads;
        for (int i = 0; i < 4; ++i) threads.emplace_back(drop);
    }
    CHECK(true);
}
