// SPDX-License-Identifier: Apache-2.0
//
// The spinlock between kernel threads: exclusion, publication of what was written under it, release by another thread.

#include "runtime/base/spinlock.h"

#include <thread>

#include "support/test.h"

using rondo::SpinGuard;
using rondo::Spinlock;

TEST_CASE("kernel threads exclude each other") {
    constexpr int kThreads = 3;
    constexpr long kRounds = 100000;
    Spinlock lock;
    long count = 0;
    long twice = 0;
    bool torn = false;
    auto work = [&] {
        for (long i = 0; i < kRounds; ++i) {
            SpinGuard hold(lock);
            ++count;
            twice += 2;
            torn = torn || twice != 2 * count;
        }
    };
    std::thread others[kThreads - 1];
    for (std::thread& other : others) {
        other = std::thread(work);
    }
    work();
    for (std::thread& other : others) {
        other.join();
    }
    CHECK(count == kThreads * kRounds);
    CHECK_FALSE(torn);
}

TEST_CASE("try_lock fails while it is held, and the guard releases") {
    Spinlock lock;
    {
        SpinGuard hold(lock);
        CHECK_FALSE(lock.try_lock());
    }
    CHECK(lock.try_lock());
    CHECK_FALSE(lock.try_lock());
    lock.unlock();
    CHECK(lock.try_lock());
}

TEST_CASE("a lock may be released by another thread than took it") {
    Spinlock lock;
    int written = 0;
    lock.lock();
    std::thread other([&] {
        written = 1;
        lock.unlock();
    });
    lock.lock();
    CHECK(written == 1);
    other.join();
}
