// SPDX-License-Identifier: Apache-2.0
//
// Pools of kernel threads: how many start, what happens beyond the bound, when idle ones end, and what a caller is told
// when no thread can be had. Callers are kernel threads here, and fibers where the order matters.

#include "runtime/io/offload_pool.h"

#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "system/faults.h"
#include "system/single_worker.h"

namespace {

using rondo::OffloadPool;
using rondo_test::Fault;
using rondo_test::wait_until;

// A sanitizer's own thread may start with the first of ours.
long threads_before() {
    std::thread([] {}).join();
    return rondo_test::status_of_process("Threads");
}

long kernel_threads() { return rondo_test::status_of_process("Threads"); }

// A job that stays until `wanted` jobs are in at the same time, or the wait ends.
struct Meeting {
    explicit Meeting(int count) : wanted(count) {}

    static void attend(void* meeting) {
        auto* self = static_cast<Meeting*>(meeting);
        int now = ++self->present;
        for (int most = self->most; now > most && !self->most.compare_exchange_weak(most, now);) {
        }
        if (!wait_until([self] { return self->most >= self->wanted; })) {
            self->missed = true;
        }
        --self->present;
        ++self->done;
    }

    int wanted;
    std::atomic<int> present{0};
    std::atomic<int> most{0};
    std::atomic<int> done{0};
    std::atomic<bool> missed{false};
};

void call_from_threads(OffloadPool& pool, int callers, Meeting& meeting) {
    std::atomic<int> errors{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&] { errors += pool.run(Meeting::attend, &meeting) != 0 ? 1 : 0; });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(errors == 0);
    CHECK(meeting.done == callers);
    CHECK_FALSE(meeting.missed);
}

void set_true(void* flag) { *static_cast<bool*>(flag) = true; }

void read_event(void* fd) {
    uint64_t value = 0;
    CHILD_REQUIRE(read(*static_cast<int*>(fd), &value, sizeof value) == sizeof value);
}

void refuse_threads() { rondo_test::fail_calls({{SYS_clone3, EAGAIN}, {SYS_clone, EAGAIN}}); }

}  // namespace

TEST_CASE("no thread can be had: the caller is told, and the job does not run") {
    rondo_test::passes_in_child([] {
        static constinit OffloadPool bounded(2, false);
        static constinit OffloadPool unbounded(UINT32_MAX, true);
        refuse_threads();
        bool ran = false;
        for (int i = 0; i < 3; ++i) {
            CHILD_REQUIRE(bounded.run(set_true, &ran) == EAGAIN);
            CHILD_REQUIRE(unbounded.run(set_true, &ran) == EAGAIN);
        }
        CHILD_REQUIRE(!ran);
    });
}

TEST_CASE("no further thread can be had: a bounded pool's own threads come to the job") {
    rondo_test::passes_in_child([] {
        static constinit OffloadPool pool(2, false);
        rondo::Worker& worker = rondo_test::single_worker();
        int event = eventfd(0, 0);
        bool first_done = false;
        bool ran = false;
        rondo_test::Thread first([&] { first_done = pool.run(read_event, &event) == 0; });
        rondo_test::let_others_park(worker);
        refuse_threads();
        rondo_test::Thread second([&] { CHILD_REQUIRE(pool.run(set_true, &ran) == 0); });
        rondo_test::let_others_park(worker);
        CHILD_REQUIRE(!first_done && !ran);
        uint64_t one = 1;
        CHILD_REQUIRE(write(event, &one, sizeof one) == sizeof one);
        second.join();
        CHILD_REQUIRE(ran);
        first.join();
        CHILD_REQUIRE(first_done);
    });
}

TEST_CASE("no further thread can be had: an unbounded pool takes the job back") {
    rondo_test::passes_in_child([] {
        static constinit OffloadPool pool(UINT32_MAX, true);
        rondo::Worker& worker = rondo_test::single_worker();
        int event = eventfd(0, 0);
        bool ran = false;
        rondo_test::Thread first([&] { CHILD_REQUIRE(pool.run(read_event, &event) == 0); });
        rondo_test::let_others_park(worker);
        refuse_threads();
        CHILD_REQUIRE(pool.run(set_true, &ran) == EAGAIN);
        CHILD_REQUIRE(!ran);
        uint64_t one = 1;
        CHILD_REQUIRE(write(event, &one, sizeof one) == sizeof one);
        first.join();
    });
}

TEST_CASE("an unbounded pool gives each job a thread, and idle threads end") {
    static constinit OffloadPool pool(UINT32_MAX, true);
    long before = threads_before();
    Meeting meeting(8);
    call_from_threads(pool, 8, meeting);
    CHECK(meeting.most == 8);
    CHECK(wait_until([before] { return kernel_threads() == before; }));
    bool ran = false;
    CHECK(pool.run(set_true, &ran) == 0);
    CHECK(ran);
}

TEST_CASE("a bounded pool runs so many at a time, and the rest in turn") {
    static constinit OffloadPool pool(3, false);
    long before = threads_before();
    Meeting meeting(3);
    call_from_threads(pool, 20, meeting);
    CHECK(meeting.most == 3);
    CHECK(wait_until([before] { return kernel_threads() == before + 3; }));
    Meeting again(3);
    call_from_threads(pool, 20, again);
    CHECK(kernel_threads() <= before + 3);
}

TEST_CASE("a job is done when run returns, time after time") {
    static constinit OffloadPool pool(4, false);
    for (int i = 0; i < 200; ++i) {
        bool ran = false;
        REQUIRE(pool.run(set_true, &ran) == 0);
        REQUIRE(ran);
    }
}

TEST_CASE("a pool that is stuck grows until all its jobs run at once, and shrinks when it is idle") {
    static constinit OffloadPool pool(2, false, OffloadPool::Growth::when_stuck);
    long before = threads_before();
    Meeting meeting(20);
    call_from_threads(pool, 20, meeting);
    CHECK(meeting.most == 20);
    CHECK(wait_until([before] { return kernel_threads() == before + 2; }));
    Meeting again(12);
    call_from_threads(pool, 12, again);
    CHECK(again.most == 12);
}
