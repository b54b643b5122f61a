// SPDX-License-Identifier: Apache-2.0
//
// Condition variable, semaphore and rwlock at the moment that matters: a waiter has timed out and has not run yet when
// the signal, the token or the lock arrives. Nothing may go to it, and nothing may be lost.

#include <functional>

#include "runtime/sync/condvar.h"
#include "runtime/sync/rwlock.h"
#include "runtime/sync/semaphore.h"
#include "system/single_worker.h"

namespace {

using rondo::Deadline;
using rondo_test::let_others_park;
using rondo_test::Thread;

Deadline in_ms(int64_t milliseconds) { return {rondo::now_ns() + milliseconds * rondo::kMillisecond, CLOCK_MONOTONIC}; }

// Makes the waits that have a deadline time out, without letting their threads run.
void expire(rondo::Worker& worker) {
    REQUIRE_FALSE(worker.timers().empty());
    while (!worker.timers().empty()) {
        worker.timers().fire(rondo::now_ns());
    }
}

}  // namespace

TEST_CASE("a signal goes to the first who still waits") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Mutex mutex;
    rondo::Condvar cond;
    mutex.init(rondo::MutexKind::normal);
    cond.init(CLOCK_MONOTONIC);
    int results[2] = {-1, -1};
    auto waiter = [&](int index, Deadline deadline) {
        mutex.lock({});
        results[index] = cond.wait(mutex, deadline);
        mutex.unlock();
    };
    Thread timed([&] { waiter(0, in_ms(1)); });
    Thread patient([&] { waiter(1, {}); });
    worker.yield_current();
    expire(worker);
    CHECK(results[0] == -1);
    cond.signal();
    timed.join();
    patient.join();
    CHECK(results[0] == ETIMEDOUT);
    CHECK(results[1] == 0);
    CHECK(cond.destroy() == 0);
}

TEST_CASE("a condition variable whose waiters have all timed out may be destroyed") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Mutex mutex;
    rondo::Condvar cond;
    mutex.init(rondo::MutexKind::normal);
    cond.init(CLOCK_MONOTONIC);
    Thread timed([&] {
        mutex.lock({});
        CHECK(cond.wait(mutex, in_ms(1)) == ETIMEDOUT);
        mutex.unlock();
    });
    worker.yield_current();
    CHECK(cond.destroy() == EBUSY);
    expire(worker);
    CHECK(cond.destroy() == 0);
}

TEST_CASE("a token that nobody waits for any more stays in the semaphore") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Semaphore sem;
    sem.init(0);
    int result = -1;
    Thread timed([&] { result = sem.wait(in_ms(1)); });
    worker.yield_current();
    expire(worker);
    CHECK(sem.post() == 0);
    CHECK(sem.value() == 1);
    timed.join();
    CHECK(result == ETIMEDOUT);
    CHECK(sem.value() == 1);
    CHECK(sem.wait({}) == 0);
}

TEST_CASE("a token handed to a waiter never shows as a value") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Semaphore sem;
    sem.init(0);
    bool through = false;
    Thread waiter([&] { through = sem.wait({}) == 0; });
    worker.yield_current();
    CHECK(sem.post() == 0);
    CHECK(sem.value() == 0);
    CHECK_FALSE(sem.try_wait());
    waiter.join();
    CHECK(through);
    sem.init(rondo::Semaphore::kMaxValue);
    CHECK(sem.post() == EOVERFLOW);
    CHECK(sem.value() == rondo::Semaphore::kMaxValue);
}

TEST_CASE("a writer that gives up lets the readers behind it in") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Rwlock lock;
    lock.init(rondo::RwlockKind::prefer_writer_nonrecursive);
    CHECK(lock.lock_read({}) == 0);
    int written = -1;
    int readers = 0;
    Thread writer([&] { written = lock.lock_write(in_ms(1)); });
    Thread reader([&] { readers += lock.lock_read({}) == 0 ? 1 : 100; });
    Thread second([&] { readers += lock.lock_read({}) == 0 ? 1 : 100; });
    worker.yield_current();
    CHECK(readers == 0);
    expire(worker);
    let_others_park(worker);
    CHECK(written == ETIMEDOUT);
    CHECK(readers == 2);
    CHECK(lock.try_lock_write() == EBUSY);
    for (int i = 0; i < 3; ++i) {
        CHECK(lock.unlock() == 0);
    }
    CHECK(lock.unlock() == EPERM);
}

TEST_CASE("an unlock grants to the readers at the front together, then to the writer") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo::Rwlock lock;
    lock.init(rondo::RwlockKind::prefer_writer_nonrecursive);
    CHECK(lock.lock_write({}) == 0);
    CHECK(lock.lock_write({}) == EDEADLK);
    CHECK(lock.lock_read({}) == EDEADLK);
    std::string order;
    auto hold = [&](char name, bool write) {
        CHECK((write ? lock.lock_write({}) : lock.lock_read({})) == 0);
        order += name;
        worker.yield_current();
        order += static_cast<char>(name - 'a' + 'A');
        CHECK(lock.unlock() == 0);
    };
    Thread a([&] { hold('a', false); });
    Thread b([&] { hold('b', false); });
    Thread w([&] { hold('w', true); });
    Thread c([&] { hold('c', false); });
    let_others_park(worker);
    CHECK(order == "");
    CHECK(lock.unlock() == 0);
    for (Thread* thread : {&a, &b, &w, &c}) {
        thread->join();
    }
    CHECK(order == "abABwWcC");
    CHECK(lock.destroy() == 0);
}
