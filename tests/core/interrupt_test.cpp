// SPDX-License-Identifier: Apache-2.0
//
// How each kind of wait meets an interruption, with a hook in the place of real signals: it counts, and answers as a
// test told it whether the call must fail.

#include "runtime/core/interrupt.h"

#include <functional>

#include "runtime/core/waiter.h"
#include "support/test.h"
#include "tests/system/single_worker.h"

namespace {

using rondo::Fiber;
using rondo::Restart;
using rondo_test::let_others_park;
using rondo_test::single_worker;

int handled = 0;
bool fails = false;
bool still_queued = false;

bool handle(Fiber& fiber, Restart restart) {
    fiber.signal_due.store(false);
    still_queued = fiber.waiting != nullptr || fiber.state() != rondo::FiberState::running;
    ++handled;
    return restart != Restart::always && fails;
}

void nothing(rondo::Worker&) {}

// Interrupts the thread that runs `call` three times, and then ends its wait by `end`.
void interrupt_three_times(rondo_test::CallRef<void()> call, rondo_test::CallRef<void()> end) {
    rondo::Worker& worker = single_worker();
    rondo::set_signal_hooks({handle, nothing, nothing});
    handled = 0;
    rondo_test::Thread thread(call);
    Fiber& fiber = *Fiber::from_handle(thread.id());
    for (int i = 1; i <= 3; ++i) {
        let_others_park(worker);
        REQUIRE(fiber.state() == rondo::FiberState::parked);
        rondo::interrupt_fiber(fiber);
        let_others_park(worker);
        CHECK(handled == i);
        CHECK_FALSE(still_queued);
    }
    end();
    thread.join();
}

}  // namespace

TEST_CASE("a lock goes on waiting") {
    fails = true;
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_mutex_lock(&mutex);
    interrupt_three_times([&] { CHECK(rondo_mutex_lock(&mutex) == 0); }, [&] { rondo_mutex_unlock(&mutex); });

    rondo_rwlock_t rwlock = RONDO_RWLOCK_INITIALIZER;
    rondo_rwlock_wrlock(&rwlock);
    interrupt_three_times(
        [&] {
            CHECK(rondo_rwlock_wrlock(&rwlock) == 0);
            rondo_rwlock_unlock(&rwlock);
        },
        [&] { rondo_rwlock_unlock(&rwlock); });
    rondo_rwlock_wrlock(&rwlock);
    interrupt_three_times([&] { CHECK(rondo_rwlock_rdlock(&rwlock) == 0); }, [&] { rondo_rwlock_unlock(&rwlock); });
}

TEST_CASE("a barrier counts an interrupted thread once") {
    rondo_barrier_t barrier;
    rondo_barrier_init(&barrier, nullptr, 2);
    int serial = 0;
    interrupt_three_times([&] { serial += rondo_barrier_wait(&barrier) != 0 ? 1 : 0; },
                          [&] { serial += rondo_barrier_wait(&barrier) != 0 ? 1 : 0; });
    CHECK(serial == 1);
    rondo_barrier_destroy(&barrier);
}

TEST_CASE("a join goes on waiting") {
    rondo_sem_t end;
    rondo_sem_init(&end, 0, 0);
    rondo_test::Thread* joined = nullptr;
    interrupt_three_times(
        [&] {
            rondo_test::Thread target([&] { rondo_sem_wait(&end); });
            joined = &target;
            target.join();
        },
        [&] { rondo_sem_post(&end); });
    CHECK(joined != nullptr);
}

TEST_CASE("a semaphore fails, or goes on") {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    fails = false;
    interrupt_three_times([&] { CHECK(rondo_sem_wait(&sem) == 0); }, [&] { rondo_sem_post(&sem); });
    fails = true;
    int interruptions = 0;
    interrupt_three_times(
        [&] {
            while (rondo_sem_wait(&sem) != 0) {
                interruptions += errno == EINTR ? 1 : 0;
            }
        },
        [&] { rondo_sem_post(&sem); });
    CHECK(interruptions == 3);
}

TEST_CASE("a read fails, or goes on, and data wins") {
    int ends[2];
    REQUIRE(rondo_pipe(ends) == 0);
    char byte = 0;
    fails = false;
    interrupt_three_times([&] { CHECK(rondo_read(ends[0], &byte, 1) == 1); },
                          [&] { CHECK(rondo_write(ends[1], "x", 1) == 1); });
    fails = true;
    int interruptions = 0;
    interrupt_three_times(
        [&] {
            while (rondo_read(ends[0], &byte, 1) != 1) {
                interruptions += errno == EINTR ? 1 : 0;
            }
        },
        [&] { CHECK(rondo_write(ends[1], "y", 1) == 1); });
    CHECK(interruptions == 3);
    CHECK(byte == 'y');
    rondo_close(ends[0]);
    rondo_close(ends[1]);
}

TEST_CASE("an interruption that came before the wait ends it at once") {
    single_worker();
    rondo::set_signal_hooks({handle, nothing, nothing});
    handled = 0;
    fails = true;
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    rondo_test::Thread thread([&] {
        rondo::current_fiber()->signal_due.store(true);
        CHECK(rondo_sem_wait(&sem) == -1);
        CHECK(errno == EINTR);
        timespec time{100, 0};
        timespec left{0, 0};
        rondo::current_fiber()->signal_due.store(true);
        CHECK(rondo_nanosleep(&time, &left) == -1);
        CHECK(errno == EINTR);
        CHECK(left.tv_sec == 99);
    });
    thread.join();
    CHECK(handled == 2);
}
