// SPDX-License-Identifier: Apache-2.0
//
// The mutex's order of owners, which one worker makes certain: barging once, then handing over; and what a waiter that
// timed out leaves behind.

#include "runtime/sync/mutex.h"

#include <functional>

#include "system/single_worker.h"

namespace {

using rondo::Deadline;
using rondo::Mutex;
using rondo::MutexKind;
using rondo_test::let_others_park;
using rondo_test::Thread;

Deadline in_ms(int64_t milliseconds) { return {rondo::now_ns() + milliseconds * rondo::kMillisecond, CLOCK_MONOTONIC}; }

struct Queue {
    Queue() { mutex.init(MutexKind::normal); }

    std::function<void()> locker(char name) {
        return [this, name] {
            REQUIRE(mutex.lock({}) == 0);
            order += name;
            REQUIRE(mutex.unlock() == 0);
        };
    }

    rondo::Worker& worker = rondo_test::single_worker();
    Mutex mutex;
    std::string order;
};

}  // namespace

TEST_CASE("a waiter is overtaken once, then it is handed the lock") {
    Queue queue;
    REQUIRE(queue.mutex.lock({}) == 0);
    Thread first(queue.locker('a'));
    Thread second(queue.locker('b'));
    let_others_park(queue.worker);
    CHECK(queue.mutex.unlock() == 0);
    CHECK(queue.mutex.lock({}) == 0);
    let_others_park(queue.worker);
    CHECK(queue.order == "");
    CHECK(queue.mutex.unlock() == 0);
    CHECK(queue.mutex.try_lock() == EBUSY);
    first.join();
    second.join();
    CHECK(queue.order == "ab");
    CHECK(queue.mutex.try_lock() == 0);
    CHECK(queue.mutex.unlock() == 0);
    CHECK(queue.mutex.destroy() == 0);
}

TEST_CASE("a handed-over lock is owned before its owner runs") {
    Queue queue;
    REQUIRE(queue.mutex.lock({}) == 0);
    Thread first(queue.locker('a'));
    let_others_park(queue.worker);
    CHECK(queue.mutex.unlock() == 0);
    CHECK(queue.mutex.lock({}) == 0);
    let_others_park(queue.worker);
    CHECK(queue.mutex.unlock() == 0);
    CHECK(queue.mutex.destroy() == EBUSY);
    first.join();
    CHECK(queue.mutex.destroy() == 0);
}

TEST_CASE("an unlock passes over a waiter that has timed out and has not run yet") {
    Queue queue;
    int result = -1;
    REQUIRE(queue.mutex.lock({}) == 0);
    Thread timed([&] { result = queue.mutex.lock(in_ms(1)); });
    Thread patient(queue.locker('p'));
    queue.worker.yield_current();
    while (!queue.worker.timers().empty()) {
        queue.worker.timers().fire(rondo::now_ns());
    }
    CHECK(result == -1);
    CHECK(queue.mutex.unlock() == 0);
    patient.join();
    timed.join();
    CHECK(queue.order == "p");
    CHECK(result == ETIMEDOUT);
    CHECK(queue.mutex.try_lock() == 0);
    CHECK(queue.mutex.unlock() == 0);
}

TEST_CASE("all levels of a recursive mutex are given up and taken back") {
    rondo_test::single_worker();
    Mutex mutex;
    mutex.init(MutexKind::recursive);
    for (int i = 0; i < 3; ++i) {
        CHECK(mutex.lock({}) == 0);
    }
    CHECK(mutex.held_by_caller());
    uint32_t levels = mutex.release_all_levels();
    CHECK_FALSE(mutex.held_by_caller());
    Thread other([&] {
        CHECK(mutex.try_lock() == 0);
        CHECK(mutex.unlock() == 0);
    });
    other.join();
    mutex.reacquire(levels);
    for (int i = 0; i < 3; ++i) {
        CHECK(mutex.held_by_caller());
        CHECK(mutex.unlock() == 0);
    }
    CHECK_FALSE(mutex.held_by_caller());
    CHECK(mutex.unlock() == EPERM);
}

TEST_CASE("an invalid deadline is an error only for a lock that would wait") {
    Queue queue;
    Deadline invalid{Deadline::kInvalid, CLOCK_MONOTONIC};
    CHECK(queue.mutex.lock(invalid) == 0);
    CHECK(queue.mutex.lock(invalid) == EINVAL);
    CHECK(queue.mutex.unlock() == 0);
}
