// SPDX-License-Identifier: Apache-2.0
//
// Spin locks: exclusion, trylock, and that a spinning thread lets the holder run even when both share one worker and
// the holder gives the processor away while it holds the lock.
#include "api_test.h"

using namespace rondo::api_test;

TEST_CASE("trylock is busy while the lock is held, by anybody") {
    rondo_spinlock_t lock;
    REQUIRE(rondo_spin_init(&lock, RONDO_PROCESS_PRIVATE) == 0);
    CHECK(rondo_spin_lock(&lock) == 0);
    CHECK(rondo_spin_trylock(&lock) == EBUSY);
    int rc = -1;
    Thread([&] { rc = rondo_spin_trylock(&lock); }).join();
    CHECK(rc == EBUSY);
    CHECK(rondo_spin_unlock(&lock) == 0);
    CHECK(rondo_spin_trylock(&lock) == 0);
    CHECK(rondo_spin_unlock(&lock) == 0);
    CHECK(rondo_spin_destroy(&lock) == 0);
}

TEST_CASE("a holder that yields is not shut out by those that spin") {
    rondo_spinlock_t lock;
    REQUIRE(rondo_spin_init(&lock, RONDO_PROCESS_PRIVATE) == 0);
    constexpr int kThreads = 10, kRounds = 200;
    long total = 0;
    int inside = 0, overlaps = 0;
    {
        std::vector<Thread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&] {
                for (int round = 0; round < kRounds; ++round) {
                    rondo_spin_lock(&lock);
                    overlaps += inside++ != 0;
                    if (round % 8 == 0) rondo_yield();
                    --inside;
                    ++total;
                    rondo_spin_unlock(&lock);
                }
            });
        }
    }
    CHECK(total == kThreads * kRounds);
    CHECK(overlaps == 0);
    CHECK(rondo_spin_destroy(&lock) == 0);
}

TEST_CASE("a trylock loop gets the lock in the end") {
    rondo_spinlock_t lock;
    REQUIRE(rondo_spin_init(&lock, RONDO_PROCESS_PRIVATE) == 0);
    std::atomic<bool> held{false};
    Thread holder([&] {
        rondo_spin_lock(&lock);
        held.store(true);
        for (int i = 0; i < 200; ++i) rondo_yield();
        rondo_spin_unlock(&lock);
    });
    CHECK(eventually([&] { return held.load(); }));
    CHECK(eventually([&] { return rondo_spin_trylock(&lock) == 0; }));
    CHECK(rondo_spin_unlock(&lock) == 0);
    holder.join();
}
