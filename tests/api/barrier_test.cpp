// SPDX-License-Identifier: Apache-2.0
//
// Barriers: nobody passes before all have come, exactly one thread a round is told it was the serial one, the barrier
// can be used again at once, and a thread that has passed may destroy it while the others are still leaving.
#include "api_test.h"

using namespace rondo::api_test;

TEST_CASE("a count of zero is refused and attributes are kept") {
    rondo_barrier_t barrier;
    CHECK(rondo_barrier_init(&barrier, nullptr, 0) == EINVAL);
    rondo_barrierattr_t attr;
    int shared = -1;
    REQUIRE(rondo_barrierattr_init(&attr) == 0);
    CHECK(rondo_barrierattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_PRIVATE);
    if (!kNptl) CHECK(rondo_barrierattr_setpshared(&attr, RONDO_PROCESS_SHARED) == ENOTSUP);
    CHECK(rondo_barrier_init(&barrier, &attr, 1) == 0);
    CHECK(rondo_barrier_wait(&barrier) == RONDO_BARRIER_SERIAL_THREAD);
    CHECK(rondo_barrier_wait(&barrier) == RONDO_BARRIER_SERIAL_THREAD);
    CHECK(rondo_barrier_destroy(&barrier) == 0);
    CHECK(rondo_barrierattr_destroy(&attr) == 0);
}

TEST_CASE("every round has one serial thread and lets nobody through early") {
    constexpr int kThreads = 12, kRounds = 200;
    rondo_barrier_t barrier;
    REQUIRE(rondo_barrier_init(&barrier, nullptr, kThreads) == 0);
    std::vector<std::atomic<int>> arrived(kRounds), serial(kRounds);
    std::atomic<int> early{0}, odd_results{0};
    {
        std::vector<Thread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&, i] {
                for (size_t round = 0; round < kRounds; ++round) {
                    if (i % 3 == 0) rondo_yield();
                    arrived[round].fetch_add(1);
                    int rc = rondo_barrier_wait(&barrier);
                    early.fetch_add(arrived[round].load() != kThreads);
                    serial[round].fetch_add(rc == RONDO_BARRIER_SERIAL_THREAD);
                    odd_results.fetch_add(rc != 0 && rc != RONDO_BARRIER_SERIAL_THREAD);
                }
            });
        }
    }
    CHECK(early.load() == 0);
    CHECK(odd_results.load() == 0);
    for (auto& count : serial) CHECK(count.load() == 1);
    CHECK(rondo_barrier_destroy(&barrier) == 0);
}

TEST_CASE("plain writes before the barrier are seen after it") {
    constexpr int kThreads = 6, kRounds = 100;
    rondo_barrier_t barrier;
    REQUIRE(rondo_barrier_init(&barrier, nullptr, kThreads) == 0);
    int slots[kThreads] = {};
    std::atomic<int> wrong{0};
    {
        std::vector<Thread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&, i] {
                for (int round = 1; round <= kRounds; ++round) {
                    slots[i] = round;
                    rondo_barrier_wait(&barrier);
                    for (int slot : slots) wrong.fetch_add(slot != round);
                    rondo_barrier_wait(&barrier);
                }
            });
        }
    }
    CHECK(wrong.load() == 0);
    CHECK(rondo_barrier_destroy(&barrier) == 0);
}

TEST_CASE("the serial thread may destroy and unmap the barrier at once") {
    constexpr int kThreads = 5;
    for (int round = 0; round < 200; ++round) {
        OwnPage<rondo_barrier_t> page;
        REQUIRE(rondo_barrier_init(page.get(), nullptr, kThreads) == 0);
        std::atomic<int> destroyed{0}, failed{0};
        std::vector<Thread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&] {
                if (rondo_barrier_wait(page.get()) != RONDO_BARRIER_SERIAL_THREAD) return;
                failed.fetch_add(rondo_barrier_destroy(page.get()) != 0);
                page.vanish();
                destroyed.fetch_add(1);
            });
        }
        for (Thread& thread : threads) thread.join();
        CHECK(destroyed.load() == 1);
        CHECK(failed.load() == 0);
    }
}

TEST_CASE("destroy refuses while a thread waits" * doctest::skip(kNptl)) {
    rondo_barrier_t barrier;
    REQUIRE(rondo_barrier_init(&barrier, nullptr, 2) == 0);
    Thread thread([&] { rondo_barrier_wait(&barrier); });
    thread.await_parked();
    CHECK(rondo_barrier_destroy(&barrier) == EBUSY);
    rondo_barrier_wait(&barrier);
    thread.join();
    CHECK(rondo_barrier_destroy(&barrier) == 0);
}
