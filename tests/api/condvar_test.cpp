// SPDX-License-Identifier: Apache-2.0
//
// Condition variables, call by call: signal wakes one, broadcast wakes all, deadlines on both clocks, attributes, and
// destruction right after a broadcast. A waiter is known to wait once the mutex it held can be taken again.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

struct Bell {
    explicit Bell(clockid_t clock = CLOCK_REALTIME) {
        rondo_condattr_t attr;
        REQUIRE(rondo_condattr_init(&attr) == 0);
        REQUIRE(rondo_condattr_setclock(&attr, clock) == 0);
        REQUIRE(rondo_cond_init(&cond, &attr) == 0);
        REQUIRE(rondo_condattr_destroy(&attr) == 0);
    }
    // Returns with the mutex held and `count` threads waiting.
    void lock_when_waiting(int count) {
        CHECK(eventually([&] {
            rondo_mutex_lock(&mutex);
            if (waiting == count) return true;
            rondo_mutex_unlock(&mutex);
            return false;
        }));
    }
    void wait_for_permit() {
        rondo_mutex_lock(&mutex);
        ++waiting;
        while (permits == 0) rondo_cond_wait(&cond, &mutex);
        --permits;
        --waiting;
        ++passed;
        rondo_mutex_unlock(&mutex);
    }
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond;
    int waiting = 0, permits = 0, passed = 0;
};

}  // namespace

TEST_CASE("attributes keep the clock and refuse what is not one") {
    rondo_condattr_t attr;
    clockid_t clock = -1;
    REQUIRE(rondo_condattr_init(&attr) == 0);
    CHECK(rondo_condattr_getclock(&attr, &clock) == 0);
    CHECK(clock == CLOCK_REALTIME);
    CHECK(rondo_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(rondo_condattr_getclock(&attr, &clock) == 0);
    CHECK(clock == CLOCK_MONOTONIC);
    CHECK(rondo_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID) == EINVAL);
    int shared = -1;
    CHECK(rondo_condattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_PRIVATE);
    CHECK(rondo_condattr_setpshared(&attr, RONDO_PROCESS_SHARED) == 0);
    CHECK(rondo_condattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_SHARED);
    CHECK(rondo_condattr_getclock(&attr, &clock) == 0);
    CHECK(clock == CLOCK_MONOTONIC);
    CHECK(rondo_condattr_destroy(&attr) == 0);
}

TEST_CASE("signal and broadcast without waiters are forgotten") {
    Bell bell;
    CHECK(rondo_cond_signal(&bell.cond) == 0);
    CHECK(rondo_cond_broadcast(&bell.cond) == 0);
    rondo_mutex_lock(&bell.mutex);
    timespec deadline = deadline_in(CLOCK_REALTIME, 20);
    int rc = 0;
    while (rc == 0) rc = rondo_cond_timedwait(&bell.cond, &bell.mutex, &deadline);
    CHECK(rc == ETIMEDOUT);
    rondo_mutex_unlock(&bell.mutex);
}

TEST_CASE("each signal lets one waiter through") {
    Bell bell;
    constexpr int kWaiters = 10;
    std::vector<Thread> threads;
    for (int i = 0; i < kWaiters; ++i) threads.emplace_back([&] { bell.wait_for_permit(); });
    for (int left = kWaiters; left > 0; --left) {
        bell.lock_when_waiting(left);
        bell.permits = 1;
        rondo_cond_signal(&bell.cond);
        rondo_mutex_unlock(&bell.mutex);
    }
    for (Thread& thread : threads) thread.join();
    CHECK(bell.passed == kWaiters);
    CHECK(bell.permits == 0);
}

TEST_CASE("broadcast lets all waiters through, signalled inside or outside the lock") {
    for (bool inside : {true, false}) {
        Bell bell;
        constexpr int kWaiters = 200;
        std::vector<Thread> threads;
        for (int i = 0; i < kWaiters; ++i) threads.emplace_back([&] { bell.wait_for_permit(); });
        bell.lock_when_waiting(kWaiters);
        bell.permits = kWaiters;
        if (inside) rondo_cond_broadcast(&bell.cond);
        rondo_mutex_unlock(&bell.mutex);
        if (!inside) rondo_cond_broadcast(&bell.cond);
        for (Thread& thread : threads) thread.join();
        CHECK(bell.passed == kWaiters);
    }
}

TEST_CASE("a timed wait ends at its deadline, not before, holding the mutex") {
    for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
        Bell bell(clock);
        rondo_mutex_lock(&bell.mutex);
        timespec deadline = deadline_in(clock, 20);
        int rc = 0;
        while (rc == 0) rc = rondo_cond_timedwait(&bell.cond, &bell.mutex, &deadline);
        CHECK(rc == ETIMEDOUT);
        CHECK(now_ns(clock) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
        CHECK(rondo_mutex_trylock(&bell.mutex) == EBUSY);
        rondo_mutex_unlock(&bell.mutex);
    }
}

TEST_CASE("clockwait follows its argument, not the attribute") {
    Bell bell(CLOCK_REALTIME);
    rondo_mutex_lock(&bell.mutex);
    for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
        int64_t start = now_ns();
        timespec deadline = deadline_in(clock, 20);
        int rc = 0;
        while (rc == 0) rc = rondo_cond_clockwait(&bell.cond, &bell.mutex, clock, &deadline);
        CHECK(rc == ETIMEDOUT);
        CHECK(now_ns() - start >= 19'000'000);
    }
    rondo_mutex_unlock(&bell.mutex);
}

TEST_CASE("a deadline in the past times out at once") {
    Bell bell;
    rondo_mutex_lock(&bell.mutex);
    timespec past{1, 0};
    CHECK(rondo_cond_timedwait(&bell.cond, &bell.mutex, &past) == ETIMEDOUT);
    CHECK(rondo_mutex_trylock(&bell.mutex) == EBUSY);
    rondo_mutex_unlock(&bell.mutex);
}

TEST_CASE("bad deadlines and clocks are refused without giving up the mutex") {
    Bell bell;
    rondo_mutex_lock(&bell.mutex);
    timespec bad{now_ns(CLOCK_REALTIME) / 1'000'000'000 + 100, 1'000'000'000};
    CHECK(rondo_cond_timedwait(&bell.cond, &bell.mutex, &bad) == EINVAL);
    timespec good = deadline_in(CLOCK_REALTIME, 10'000);
    CHECK(rondo_cond_clockwait(&bell.cond, &bell.mutex, CLOCK_PROCESS_CPUTIME_ID, &good) == EINVAL);
    CHECK(rondo_mutex_trylock(&bell.mutex) == EBUSY);
    rondo_mutex_unlock(&bell.mutex);
}

TEST_CASE("a timed wait that is signalled in time returns 0") {
    Bell bell;
    int rc = -1;
    Thread waiter([&] {
        rondo_mutex_lock(&bell.mutex);
        bell.waiting = 1;
        timespec deadline = deadline_in(CLOCK_REALTIME, 20'000);
        rc = 0;
        while (bell.permits == 0 && rc == 0) rc = rondo_cond_timedwait(&bell.cond, &bell.mutex, &deadline);
        rondo_mutex_unlock(&bell.mutex);
    });
    bell.lock_when_waiting(1);
    bell.permits = 1;
    rondo_cond_signal(&bell.cond);
    rondo_mutex_unlock(&bell.mutex);
    waiter.join();
    CHECK(rc == 0);
}

TEST_CASE("the mutex is held again on return, also when it is contended") {
    Bell bell;
    constexpr int kThreads = 30;
    int inside = 0, overlaps = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            rondo_mutex_lock(&bell.mutex);
            ++bell.waiting;
            while (bell.permits == 0) rondo_cond_wait(&bell.cond, &bell.mutex);
            overlaps += inside++ != 0;
            rondo_yield();
            --inside;
            rondo_mutex_unlock(&bell.mutex);
        });
    }
    bell.lock_when_waiting(kThreads);
    bell.permits = 1;
    rondo_cond_broadcast(&bell.cond);
    rondo_mutex_unlock(&bell.mutex);
    for (Thread& thread : threads) thread.join();
    CHECK(overlaps == 0);
}

TEST_CASE("waiting on a recursive mutex held once releases it") {
    rondo_mutexattr_t attr;
    rondo_mutexattr_init(&attr);
    rondo_mutexattr_settype(&attr, RONDO_MUTEX_RECURSIVE);
    Bell bell;
    rondo_mutex_init(&bell.mutex, &attr);
    Thread waiter([&] { bell.wait_for_permit(); });
    bell.lock_when_waiting(1);
    bell.permits = 1;
    rondo_cond_signal(&bell.cond);
    rondo_mutex_unlock(&bell.mutex);
    waiter.join();
    CHECK(bell.passed == 1);
}

TEST_CASE("destroy refuses while threads wait" * doctest::skip(kNptl)) {
    Bell bell;
    Thread waiter([&] { bell.wait_for_permit(); });
    bell.lock_when_waiting(1);
    CHECK(rondo_cond_destroy(&bell.cond) == EBUSY);
    bell.permits = 1;
    rondo_cond_signal(&bell.cond);
    rondo_mutex_unlock(&bell.mutex);
    waiter.join();
    CHECK(rondo_cond_destroy(&bell.cond) == 0);
}

TEST_CASE("a condition variable may be destroyed and unmapped right after its last broadcast") {
    constexpr int kWaiters = 8;
    for (int round = 0; round < 100; ++round) {
        OwnPage<rondo_cond_t> page;
        rondo_cond_init(page.get(), nullptr);
        rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
        int waiting = 0, woken = 0;
        bool open = false;
        std::vector<Thread> threads;
        for (int i = 0; i < kWaiters; ++i) {
            threads.emplace_back([&] {
                rondo_mutex_lock(&mutex);
                ++waiting;
                while (!open) rondo_cond_wait(page.get(), &mutex);
                woken += open;
                rondo_mutex_unlock(&mutex);
            });
        }
        CHECK(eventually([&] {
            rondo_mutex_lock(&mutex);
            bool ready = waiting == kWaiters;
            if (ready) {
                open = true;
                rondo_cond_broadcast(page.get());
            }
            rondo_mutex_unlock(&mutex);
            return ready;
        }));
        CHECK(rondo_cond_destroy(page.get()) == 0);
        page.vanish();
        for (Thread& thread : threads) thread.join();
        CHECK(woken == kWaiters);
    }
}
