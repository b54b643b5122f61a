// SPDX-License-Identifier: Apache-2.0
//
// Who owns what a parked thread waits for, for each kind of object that has an owner; and the answers where nobody is
// known or the memory is gone.

#include "runtime/system/owners.h"

#include <sys/mman.h>

#include "api/api_test.h"
#include "runtime/sync/once.h"
#include "system/single_worker.h"

namespace {

using rondo::WaitReason;
using rondo_test::let_others_park;
using rondo_test::Thread;

const rondo::Fiber& fiber_of(rondo_t handle) {
    const rondo::Fiber* fiber = rondo::Fiber::from_handle(handle);
    REQUIRE(fiber != nullptr);
    return *fiber;
}

rondo::Wait wait_of(const Thread& thread) {
    rondo::Wait wait;
    REQUIRE(rondo::read_wait(fiber_of(thread.id()), wait));
    return wait;
}

void owned_by(const Thread& thread, WaitReason reason, const void* object, rondo_t owner) {
    rondo::Wait wait = wait_of(thread);
    CHECK(wait.reason == reason);
    CHECK(wait.object == object);
    CHECK(wait.owner.handle == owner);
    CHECK(wait.owner.thread == rondo::Fiber::from_handle(owner));
}

rondo_once_t once_control = RONDO_ONCE_INIT;
rondo_sem_t once_gate;

}  // namespace

TEST_CASE("a mutex of each kind has the owner that locked it, and none when free") {
    rondo::Worker& worker = rondo_test::single_worker();
    for (int kind : {RONDO_MUTEX_NORMAL, RONDO_MUTEX_RECURSIVE, RONDO_MUTEX_ERRORCHECK}) {
        CAPTURE(kind);
        rondo_mutexattr_t attr;
        rondo_mutexattr_init(&attr);
        rondo_mutexattr_settype(&attr, kind);
        rondo_mutex_t mutex;
        rondo_mutex_init(&mutex, &attr);
        CHECK_FALSE(rondo::owner_of(WaitReason::mutex, &mutex));
        rondo_mutex_lock(&mutex);
        Thread waits([&] {
            rondo_mutex_lock(&mutex);
            rondo_mutex_unlock(&mutex);
        });
        let_others_park(worker);
        owned_by(waits, WaitReason::mutex, &mutex, rondo_self());
        rondo_mutex_unlock(&mutex);
        waits.join();
    }
}

TEST_CASE("a rwlock has its writer for owner; one held for reading has none") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo_rwlock_t lock = RONDO_RWLOCK_INITIALIZER;
    rondo_rwlock_wrlock(&lock);
    Thread reads([&] {
        rondo_rwlock_rdlock(&lock);
        rondo_rwlock_unlock(&lock);
    });
    let_others_park(worker);
    owned_by(reads, WaitReason::rwlock_read, &lock, rondo_self());
    rondo_rwlock_unlock(&lock);
    reads.join();

    rondo_rwlock_rdlock(&lock);
    Thread writes([&] {
        rondo_rwlock_wrlock(&lock);
        rondo_rwlock_unlock(&lock);
    });
    let_others_park(worker);
    CHECK_FALSE(wait_of(writes).owner);
    rondo_rwlock_unlock(&lock);
    writes.join();
}

TEST_CASE("a join waits for the thread that is to end, main among them") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo_sem_t gate{};
    Thread ends([&] { rondo_sem_wait(&gate); });
    Thread joins([&] { ends.join(); });
    let_others_park(worker);
    CHECK(wait_of(joins).owner.handle == ends.id());
    CHECK_FALSE(wait_of(ends).owner);
    const rondo_t main = rondo_self();
    Thread waits_for_main([&] {
        timespec limit = rondo_test::after_ms(60'000, CLOCK_MONOTONIC);
        rondo_clockjoin_np(main, nullptr, CLOCK_MONOTONIC, &limit);
    });
    let_others_park(worker);
    CHECK(wait_of(waits_for_main).owner.thread == &fiber_of(main));
    rondo_cancel(waits_for_main.id());
    rondo_sem_post(&gate);
    joins.join();
}

TEST_CASE("a once routine has the thread that runs it for owner") {
    rondo::Worker& worker = rondo_test::single_worker();
    auto call = [] { rondo_once(&once_control, [] { rondo_sem_wait(&once_gate); }); };
    Thread runs(call);
    let_others_park(worker);
    Thread waits(call);
    let_others_park(worker);
    owned_by(waits, WaitReason::once, &once_control, runs.id());
    CHECK(rondo::Once::runner_of(&once_gate) == 0);
    rondo_sem_post(&once_gate);
    runs.join();
    waits.join();
    CHECK(rondo::Once::runner_of(&once_control) == 0);
}

TEST_CASE("a handle that is nobody's names no thread, and memory that is gone has no owner") {
    rondo_test::single_worker();
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo::api_test::ForeignThread kernel_thread([&] { rondo_mutex_lock(&mutex); });
    kernel_thread.join();
    rondo::Owner owner = rondo::owner_of(WaitReason::mutex, &mutex);
    CHECK(owner.handle != 0);
    CHECK(owner.thread == nullptr);

    void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (const void* gone : {static_cast<const void*>(nullptr), static_cast<const void*>(page),
                             reinterpret_cast<const void*>(uint64_t{7})}) {
        CHECK_FALSE(rondo::owner_of(WaitReason::mutex, gone));
        CHECK_FALSE(rondo::owner_of(WaitReason::rwlock_read, gone));
        CHECK_FALSE(rondo::owner_of(WaitReason::join, gone));
        CHECK_FALSE(rondo::owner_of(WaitReason::once, gone));
    }
    munmap(page, 4096);
}

TEST_CASE("a thread that runs waits for nothing") {
    rondo_test::single_worker();
    rondo::Wait wait;
    CHECK_FALSE(rondo::read_wait(fiber_of(rondo_self()), wait));
}
