// SPDX-License-Identifier: Apache-2.0
//
// Sleeping: never early on any clock, in the order of the deadlines, refused for bad arguments, and a thousand at once
// take no longer than one.
#include "api_test.h"

using namespace rondo::api_test;

TEST_CASE("every sleeping call lasts at least as long as asked") {
    int64_t start = now_ns();
    timespec span{0, 15'000'000};
    CHECK(rondo_nanosleep(&span, nullptr) == 0);
    CHECK(now_ns() - start >= 15'000'000);
    start = now_ns();
    CHECK(rondo_usleep(15'000) == 0);
    CHECK(now_ns() - start >= 15'000'000);
    start = now_ns();
    CHECK(rondo_sleep(1) == 0);
    CHECK(now_ns() - start >= 1'000'000'000);
    for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
        start = now_ns(clock);
        CHECK(rondo_clock_nanosleep(clock, 0, &span, nullptr) == 0);
        CHECK(now_ns(clock) - start >= 15'000'000);
        timespec until = deadline_in(clock, 15);
        CHECK(rondo_clock_nanosleep(clock, TIMER_ABSTIME, &until, nullptr) == 0);
        CHECK(now_ns(clock) >= until.tv_sec * 1'000'000'000LL + until.tv_nsec);
    }
}

TEST_CASE("no time is no sleep") {
    timespec zero{0, 0}, past{1, 0};
    CHECK(rondo_nanosleep(&zero, nullptr) == 0);
    CHECK(rondo_sleep(0) == 0);
    CHECK(rondo_usleep(0) == 0);
    CHECK(rondo_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, nullptr) == 0);
    CHECK(rondo_clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, nullptr) == 0);
}

TEST_CASE("bad times and clocks are refused") {
    Thread([] {
        for (timespec bad : {timespec{0, 1'000'000'000}, timespec{0, -1}, timespec{-1, 0}}) {
            errno = 0;
            CHECK(rondo_nanosleep(&bad, nullptr) == -1);
            CHECK(errno == EINVAL);
            CHECK(rondo_clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, nullptr) == EINVAL);
        }
        timespec brief{0, 1};
        CHECK(rondo_clock_nanosleep(9999, 0, &brief, nullptr) == EINVAL);
        CHECK(rondo_clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &brief, nullptr) == EINVAL);
    }).join();
}

TEST_CASE("sleepers wake in the order of their deadlines") {
    constexpr int kSleepers = 20;
    int64_t woke_at[kSleepers] = {};
    timespec due[kSleepers];
    const int64_t base = now_ns() + 20'000'000;
    {
        std::vector<Thread> threads;
        for (int i = 0; i < kSleepers; ++i) {
            due[i] = to_timespec(base + (i * 7 % kSleepers) * 5'000'000);
            threads.emplace_back([&, i] {
                rondo_clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due[i], nullptr);
                woke_at[i] = now_ns();
            });
        }
    }
    int early = 0, late = 0;
    for (int i = 0; i < kSleepers; ++i) {
        int64_t wanted = due[i].tv_sec * 1'000'000'000LL + due[i].tv_nsec;
        early += woke_at[i] < wanted;
        late += woke_at[i] > wanted + 2'000'000'000;
    }
    CHECK(early == 0);
    CHECK(late == 0);
}

TEST_CASE("a thousand sleepers sleep side by side") {
    constexpr int kSleepers = 1'000;
    std::atomic<int> early{0};
    int64_t start = now_ns();
    {
        std::vector<Thread> threads;
        for (int i = 0; i < kSleepers; ++i) {
            threads.emplace_back([&early, i] {
                int64_t begun = now_ns();
                timespec span = to_timespec(50'000'000 + i * 10'000);
                rondo_nanosleep(&span, nullptr);
                early.fetch_add(now_ns() - begun < 50'000'000 + i * 10'000);
            });
        }
    }
    CHECK(early.load() == 0);
    CHECK(now_ns() - start < 5'000'000'000);
}

TEST_CASE("sleepers of very different length do not disturb each other") {
    std::atomic<bool> long_done{false};
    Thread sleeper([&long_done] {
        timespec day{86'400, 0};
        rondo_nanosleep(&day, nullptr);
        long_done.store(true);
    });
    for (int i = 0; i < 20; ++i) {
        timespec brief{0, 1'000'000};
        CHECK(rondo_nanosleep(&brief, nullptr) == 0);
    }
    CHECK(!long_done.load());
    sleeper.cancel();
    CHECK(sleeper.join() == RONDO_CANCELED);
}

TEST_CASE("a sleep of for ever is not a sleep of nothing") {
    Thread sleeper([] {
        timespec eternity{INT64_MAX, 0};
        rondo_nanosleep(&eternity, nullptr);
    });
    sleeper.await_parked();
    timespec brief{0, 5'000'000};
    rondo_nanosleep(&brief, nullptr);
    CHECK(rondo_tryjoin_np(sleeper.id(), nullptr) == EBUSY);
    sleeper.cancel();
    CHECK(sleeper.join() == RONDO_CANCELED);
}
