// SPDX-License-Identifier: Apache-2.0
//
// Mutexes, call by call: the four kinds, their errors, trylock and the timed locks on both clocks.
// What happens when many threads compete is in mutex_contention_test.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

struct Mutex {
    explicit Mutex(int type = RONDO_MUTEX_NORMAL) {
        rondo_mutexattr_t attr;
        REQUIRE(rondo_mutexattr_init(&attr) == 0);
        REQUIRE(rondo_mutexattr_settype(&attr, type) == 0);
        REQUIRE(rondo_mutex_init(&raw, &attr) == 0);
        REQUIRE(rondo_mutexattr_destroy(&attr) == 0);
    }
    ~Mutex() { CHECK(rondo_mutex_destroy(&raw) == 0); }
    rondo_mutex_t raw;
};

// The result of a call made by another thread.
template <class Call>
int elsewhere(Call call) {
    int rc = -1;
    Thread([&] { rc = call(); }).join();
    return rc;
}

constexpr int kKinds[] = {RONDO_MUTEX_NORMAL, RONDO_MUTEX_RECURSIVE, RONDO_MUTEX_ERRORCHECK, RONDO_MUTEX_ADAPTIVE};

}  // namespace

TEST_CASE("attributes keep the kind and refuse unknown ones") {
    rondo_mutexattr_t attr;
    int type = -1;
    REQUIRE(rondo_mutexattr_init(&attr) == 0);
    CHECK(rondo_mutexattr_gettype(&attr, &type) == 0);
    CHECK(type == RONDO_MUTEX_NORMAL);
    for (int kind : kKinds) {
        CHECK(rondo_mutexattr_settype(&attr, kind) == 0);
        CHECK(rondo_mutexattr_gettype(&attr, &type) == 0);
        CHECK(type == kind);
    }
    CHECK(rondo_mutexattr_settype(&attr, 99) == EINVAL);
    int shared = -1;
    CHECK(rondo_mutexattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_PRIVATE);
    CHECK(rondo_mutexattr_setpshared(&attr, RONDO_PROCESS_SHARED) == 0);
    CHECK(rondo_mutexattr_settype(&attr, RONDO_MUTEX_ERRORCHECK) == 0);
    CHECK(rondo_mutexattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_SHARED);
    CHECK(rondo_mutexattr_gettype(&attr, &type) == 0);
    CHECK(type == RONDO_MUTEX_ERRORCHECK);
    CHECK(rondo_mutexattr_setpshared(&attr, RONDO_PROCESS_PRIVATE) == 0);
    CHECK(rondo_mutexattr_setpshared(&attr, 99) == EINVAL);
    CHECK(rondo_mutexattr_destroy(&attr) == 0);
}

TEST_CASE("every kind locks out the others") {
    for (int kind : kKinds) {
        Mutex mutex(kind);
        CHECK(rondo_mutex_lock(&mutex.raw) == 0);
        CHECK(elsewhere([&] { return rondo_mutex_trylock(&mutex.raw); }) == EBUSY);
        CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
        CHECK(elsewhere([&] {
                  int rc = rondo_mutex_trylock(&mutex.raw);
                  return rc != 0 ? rc : rondo_mutex_unlock(&mutex.raw);
              }) == 0);
    }
}

TEST_CASE("a statically initialised and an all-zero mutex work") {
    rondo_mutex_t fixed = RONDO_MUTEX_INITIALIZER;
    CHECK(rondo_mutex_lock(&fixed) == 0);
    CHECK(rondo_mutex_trylock(&fixed) == EBUSY);
    CHECK(rondo_mutex_unlock(&fixed) == 0);
    rondo_mutex_t zero;
    memset(&zero, 0, sizeof zero);
    CHECK(rondo_mutex_lock(&zero) == 0);
    CHECK(rondo_mutex_unlock(&zero) == 0);
    CHECK(rondo_mutex_destroy(&zero) == 0);
}

TEST_CASE("errorcheck reports a second lock and a foreign unlock") {
    Mutex mutex(RONDO_MUTEX_ERRORCHECK);
    CHECK(rondo_mutex_unlock(&mutex.raw) == EPERM);
    CHECK(rondo_mutex_lock(&mutex.raw) == 0);
    CHECK(rondo_mutex_lock(&mutex.raw) == EDEADLK);
    timespec deadline = deadline_in(CLOCK_REALTIME, 10'000);
    CHECK(rondo_mutex_timedlock(&mutex.raw, &deadline) == EDEADLK);
    CHECK(rondo_mutex_trylock(&mutex.raw) == EBUSY);
    CHECK(elsewhere([&] { return rondo_mutex_unlock(&mutex.raw); }) == EPERM);
    CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
}

TEST_CASE("a recursive mutex is free only after as many unlocks") {
    Mutex mutex(RONDO_MUTEX_RECURSIVE);
    CHECK(rondo_mutex_unlock(&mutex.raw) == EPERM);
    CHECK(rondo_mutex_lock(&mutex.raw) == 0);
    CHECK(rondo_mutex_lock(&mutex.raw) == 0);
    CHECK(rondo_mutex_trylock(&mutex.raw) == 0);
    CHECK(elsewhere([&] { return rondo_mutex_unlock(&mutex.raw); }) == EPERM);
    for (int held = 3; held > 0; --held) {
        CHECK(elsewhere([&] { return rondo_mutex_trylock(&mutex.raw); }) == EBUSY);
        CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
    }
    CHECK(rondo_mutex_unlock(&mutex.raw) == EPERM);
    CHECK(elsewhere([&] { return rondo_mutex_trylock(&mutex.raw) | rondo_mutex_unlock(&mutex.raw); }) == 0);
}

TEST_CASE("timed locks give up at their deadline and not before") {
    for (int kind : kKinds) {
        Mutex mutex(kind);
        REQUIRE(rondo_mutex_lock(&mutex.raw) == 0);
        for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            timespec deadline = deadline_in(clock, 10);
            CHECK(elsewhere([&] { return rondo_mutex_clocklock(&mutex.raw, clock, &deadline); }) == ETIMEDOUT);
            CHECK(now_ns(clock) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
        }
        timespec deadline = deadline_in(CLOCK_REALTIME, 10);
        CHECK(elsewhere([&] { return rondo_mutex_timedlock(&mutex.raw, &deadline); }) == ETIMEDOUT);
        CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
        CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
    }
}

TEST_CASE("a deadline that has passed fails at once, unless the mutex is free") {
    Mutex mutex;
    timespec past{1, 0};
    CHECK(rondo_mutex_timedlock(&mutex.raw, &past) == 0);
    CHECK(elsewhere([&] { return rondo_mutex_timedlock(&mutex.raw, &past); }) == ETIMEDOUT);
    timespec negative{-5, 0};
    CHECK(elsewhere([&] { return rondo_mutex_clocklock(&mutex.raw, CLOCK_MONOTONIC, &negative); }) == ETIMEDOUT);
    CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
}

TEST_CASE("timed locks refuse bad deadlines and clocks") {
    Mutex mutex;
    REQUIRE(rondo_mutex_lock(&mutex.raw) == 0);
    timespec bad{now_ns(CLOCK_REALTIME) / 1'000'000'000 + 100, 1'000'000'000};
    CHECK(elsewhere([&] { return rondo_mutex_timedlock(&mutex.raw, &bad); }) == EINVAL);
    bad.tv_nsec = -1;
    CHECK(elsewhere([&] { return rondo_mutex_timedlock(&mutex.raw, &bad); }) == EINVAL);
    timespec good = deadline_in(CLOCK_REALTIME, 10'000);
    CHECK(elsewhere([&] { return rondo_mutex_clocklock(&mutex.raw, CLOCK_PROCESS_CPUTIME_ID, &good); }) == EINVAL);
    CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
}

TEST_CASE("a timed lock gets a mutex that is released in time") {
    Mutex mutex;
    REQUIRE(rondo_mutex_lock(&mutex.raw) == 0);
    int rc = -1;
    Thread waiter([&] {
        timespec deadline = deadline_in(CLOCK_REALTIME, 20'000);
        rc = rondo_mutex_timedlock(&mutex.raw, &deadline);
        rondo_mutex_unlock(&mutex.raw);
    });
    waiter.await_parked();
    rondo_mutex_unlock(&mutex.raw);
    waiter.join();
    CHECK(rc == 0);
}

TEST_CASE("destroy refuses a locked mutex") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    REQUIRE(rondo_mutex_lock(&mutex) == 0);
    CHECK(rondo_mutex_destroy(&mutex) == EBUSY);
    CHECK(rondo_mutex_unlock(&mutex) == 0);
    CHECK(rondo_mutex_destroy(&mutex) == 0);
}

TEST_CASE("a normal mutex deadlocks its owner, and only its owner, until the deadline") {
    Mutex mutex;
    REQUIRE(rondo_mutex_lock(&mutex.raw) == 0);
    timespec deadline = deadline_in(CLOCK_MONOTONIC, 20);
    CHECK(rondo_mutex_clocklock(&mutex.raw, CLOCK_MONOTONIC, &deadline) == ETIMEDOUT);
    CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
    CHECK(rondo_mutex_trylock(&mutex.raw) == 0);
    CHECK(rondo_mutex_unlock(&mutex.raw) == 0);
}
