// SPDX-License-Identifier: Apache-2.0
//
// Reader-writer locks: shared reading, exclusive writing, the try and timed forms, errors, writer preference, and
// both sides making progress under load. Guarded plain ints are the witnesses.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

struct Lock {
    explicit Lock(int kind = RONDO_RWLOCK_PREFER_READER) {
        rondo_rwlockattr_t attr;
        REQUIRE(rondo_rwlockattr_init(&attr) == 0);
        REQUIRE(rondo_rwlockattr_setkind_np(&attr, kind) == 0);
        REQUIRE(rondo_rwlock_init(&raw, &attr) == 0);
        REQUIRE(rondo_rwlockattr_destroy(&attr) == 0);
    }
    ~Lock() { CHECK(rondo_rwlock_destroy(&raw) == 0); }
    rondo_rwlock_t raw;
};

template <class Call>
int elsewhere(Call call) {
    int rc = -1;
    Thread([&] { rc = call(); }).join();
    return rc;
}

}  // namespace

TEST_CASE("attributes keep the kind") {
    rondo_rwlockattr_t attr;
    int kind = -1;
    REQUIRE(rondo_rwlockattr_init(&attr) == 0);
    CHECK(rondo_rwlockattr_getkind_np(&attr, &kind) == 0);
    CHECK(kind == RONDO_RWLOCK_PREFER_READER);
    CHECK(rondo_rwlockattr_setkind_np(&attr, RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE) == 0);
    CHECK(rondo_rwlockattr_getkind_np(&attr, &kind) == 0);
    CHECK(kind == RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE);
    CHECK(rondo_rwlockattr_setkind_np(&attr, 99) == EINVAL);
    int shared = -1;
    CHECK(rondo_rwlockattr_getpshared(&attr, &shared) == 0);
    CHECK(shared == RONDO_PROCESS_PRIVATE);
    if (!kNptl) CHECK(rondo_rwlockattr_setpshared(&attr, RONDO_PROCESS_SHARED) == ENOTSUP);
    CHECK(rondo_rwlockattr_destroy(&attr) == 0);
}

TEST_CASE("readers share, a writer excludes everybody") {
    for (int kind : {RONDO_RWLOCK_PREFER_READER, RONDO_RWLOCK_PREFER_WRITER, RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE}) {
        Lock lock(kind);
        CHECK(rondo_rwlock_rdlock(&lock.raw) == 0);
        CHECK(elsewhere([&] { return rondo_rwlock_rdlock(&lock.raw) | rondo_rwlock_unlock(&lock.raw); }) == 0);
        CHECK(elsewhere([&] { return rondo_rwlock_tryrdlock(&lock.raw) | rondo_rwlock_unlock(&lock.raw); }) == 0);
        CHECK(elsewhere([&] { return rondo_rwlock_trywrlock(&lock.raw); }) == EBUSY);
        CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
        CHECK(rondo_rwlock_wrlock(&lock.raw) == 0);
        CHECK(elsewhere([&] { return rondo_rwlock_tryrdlock(&lock.raw); }) == EBUSY);
        CHECK(elsewhere([&] { return rondo_rwlock_trywrlock(&lock.raw); }) == EBUSY);
        CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
        CHECK(elsewhere([&] { return rondo_rwlock_trywrlock(&lock.raw) | rondo_rwlock_unlock(&lock.raw); }) == 0);
    }
}

TEST_CASE("one thread may hold several read locks") {
    Lock lock;
    CHECK(rondo_rwlock_rdlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_rdlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
    CHECK(elsewhere([&] { return rondo_rwlock_trywrlock(&lock.raw); }) == EBUSY);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_trywrlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
}

TEST_CASE("the writer is told of its own deadlock") {
    Lock lock;
    REQUIRE(rondo_rwlock_wrlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_wrlock(&lock.raw) == EDEADLK);
    CHECK(rondo_rwlock_rdlock(&lock.raw) == EDEADLK);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
}

TEST_CASE("a zero rwlock and the initialiser are unlocked locks") {
    rondo_rwlock_t fixed = RONDO_RWLOCK_INITIALIZER;
    CHECK(rondo_rwlock_trywrlock(&fixed) == 0);
    CHECK(rondo_rwlock_unlock(&fixed) == 0);
    rondo_rwlock_t zero;
    memset(&zero, 0, sizeof zero);
    CHECK(rondo_rwlock_tryrdlock(&zero) == 0);
    CHECK(rondo_rwlock_unlock(&zero) == 0);
}

TEST_CASE("timed locks give up at their deadline and not before, on both clocks") {
    Lock lock;
    REQUIRE(rondo_rwlock_wrlock(&lock.raw) == 0);
    for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
        timespec at = deadline_in(clock, 10);
        CHECK(elsewhere([&] { return rondo_rwlock_clockrdlock(&lock.raw, clock, &at); }) == ETIMEDOUT);
        CHECK(now_ns(clock) >= at.tv_sec * 1'000'000'000LL + at.tv_nsec);
        at = deadline_in(clock, 10);
        CHECK(elsewhere([&] { return rondo_rwlock_clockwrlock(&lock.raw, clock, &at); }) == ETIMEDOUT);
        CHECK(now_ns(clock) >= at.tv_sec * 1'000'000'000LL + at.tv_nsec);
    }
    timespec at = deadline_in(CLOCK_REALTIME, 10);
    CHECK(elsewhere([&] { return rondo_rwlock_timedrdlock(&lock.raw, &at); }) == ETIMEDOUT);
    CHECK(elsewhere([&] { return rondo_rwlock_timedwrlock(&lock.raw, &at); }) == ETIMEDOUT);
    timespec bad{at.tv_sec + 100, 1'000'000'000};
    CHECK(elsewhere([&] { return rondo_rwlock_timedrdlock(&lock.raw, &bad); }) == EINVAL);
    CHECK(elsewhere([&] { return rondo_rwlock_timedwrlock(&lock.raw, &bad); }) == EINVAL);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_trywrlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
}

TEST_CASE("unlocking for writing wakes all waiting readers") {
    Lock lock;
    REQUIRE(rondo_rwlock_wrlock(&lock.raw) == 0);
    rondo_barrier_t together;
    constexpr int kReaders = 10;
    rondo_barrier_init(&together, nullptr, kReaders);
    std::vector<Thread> readers;
    for (int i = 0; i < kReaders; ++i) {
        readers.emplace_back([&] {
            rondo_rwlock_rdlock(&lock.raw);
            rondo_barrier_wait(&together);
            rondo_rwlock_unlock(&lock.raw);
        });
    }
    for (Thread& reader : readers) reader.await_parked();
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
    for (Thread& reader : readers) reader.join();
    CHECK(rondo_barrier_destroy(&together) == 0);
}

TEST_CASE("with writer preference a waiting writer holds back new readers") {
    Lock lock(RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE);
    REQUIRE(rondo_rwlock_rdlock(&lock.raw) == 0);
    int order = 0, writer_turn = 0, reader_turn = 0;
    std::atomic<int> turns{0};
    Thread writer([&] {
        rondo_rwlock_wrlock(&lock.raw);
        writer_turn = ++order;
        rondo_rwlock_unlock(&lock.raw);
    });
    writer.await_parked();
    CHECK(elsewhere([&] { return rondo_rwlock_tryrdlock(&lock.raw); }) == EBUSY);
    Thread reader([&] {
        rondo_rwlock_rdlock(&lock.raw);
        reader_turn = turns.fetch_add(1) + order;
        rondo_rwlock_unlock(&lock.raw);
    });
    reader.await_parked();
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
    writer.join();
    reader.join();
    CHECK(writer_turn == 1);
    CHECK(reader_turn == 1);
}

TEST_CASE("a writer that gives up lets the readers behind it through") {
    Lock lock(RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE);
    REQUIRE(rondo_rwlock_rdlock(&lock.raw) == 0);
    int writer_rc = -1, reader_rc = -1;
    Thread writer([&] {
        timespec deadline = deadline_in(CLOCK_REALTIME, 50);
        writer_rc = rondo_rwlock_timedwrlock(&lock.raw, &deadline);
    });
    writer.await_parked();
    Thread reader([&] {
        reader_rc = rondo_rwlock_rdlock(&lock.raw);
        rondo_rwlock_unlock(&lock.raw);
    });
    reader.join();
    writer.join();
    CHECK(writer_rc == ETIMEDOUT);
    CHECK(reader_rc == 0);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
}

TEST_CASE("readers see whole writes and nobody starves") {
    Lock lock;
    long a = 0, b = 0;
    long torn = 0;
    std::atomic<long> reads{0};
    constexpr int kWrites = 300;
    {
        std::vector<Thread> threads;
        for (int w = 0; w < 4; ++w) {
            threads.emplace_back([&] {
                for (int i = 0; i < kWrites; ++i) {
                    rondo_rwlock_wrlock(&lock.raw);
                    ++a;
                    rondo_yield();
                    ++b;
                    rondo_rwlock_unlock(&lock.raw);
                }
            });
        }
        std::atomic<long> bad{0};
        for (int r = 0; r < 8; ++r) {
            threads.emplace_back([&] {
                for (int i = 0; i < kWrites; ++i) {
                    rondo_rwlock_rdlock(&lock.raw);
                    bad.fetch_add(a != b);
                    if (i % 3 == 0) rondo_yield();
                    bad.fetch_add(a != b);
                    rondo_rwlock_unlock(&lock.raw);
                    reads.fetch_add(1);
                }
            });
        }
        for (Thread& thread : threads) thread.join();
        torn = bad.load();
    }
    CHECK(torn == 0);
    CHECK(a == 4 * kWrites);
    CHECK(b == 4 * kWrites);
    CHECK(reads.load() == 8 * kWrites);
}

TEST_CASE("destroy refuses a held lock" * doctest::skip(kNptl)) {
    Lock lock;
    REQUIRE(rondo_rwlock_rdlock(&lock.raw) == 0);
    CHECK(rondo_rwlock_destroy(&lock.raw) == EBUSY);
    CHECK(rondo_rwlock_unlock(&lock.raw) == 0);
}
