// SPDX-License-Identifier: Apache-2.0
//
// once: the routine runs exactly once however many threads come, all see its result on return, and a routine that is
// cancelled or that throws has not run: the next thread runs it again.
// The routine takes no argument, so the cases talk to it through file-level state that each case resets.
#include <stdexcept>

#include "api_test.h"

using namespace rondo::api_test;

namespace {

int runs, result;
std::atomic<int> attempts{0};
rondo_sem_t never_posted;

void slow_init() {
    ++runs;
    for (int i = 0; i < 20; ++i) rondo_yield();
    result = 42;
}

void park_the_first_time() {
    if (attempts.fetch_add(1) == 0) rondo_sem_wait(&never_posted);
    result = 43;
}

void throw_the_first_time() {
    if (attempts.fetch_add(1) == 0) throw std::runtime_error("first");
    result = 44;
}

}  // namespace

TEST_CASE("the routine runs once for one thread") {
    rondo_once_t once = RONDO_ONCE_INIT;
    runs = 0;
    CHECK(rondo_once(&once, slow_init) == 0);
    CHECK(rondo_once(&once, slow_init) == 0);
    CHECK(runs == 1);
}

TEST_CASE("the routine runs once for all, and all see what it did") {
    for (int round = 0; round < 50; ++round) {
        rondo_once_t once = RONDO_ONCE_INIT;
        runs = result = 0;
        std::atomic<int> wrong{0};
        {
            std::vector<Thread> threads;
            for (int i = 0; i < 30; ++i) {
                threads.emplace_back([&] {
                    int rc = rondo_once(&once, slow_init);
                    wrong.fetch_add(rc != 0 || result != 42);
                });
            }
        }
        CHECK(runs == 1);
        CHECK(wrong.load() == 0);
    }
}

TEST_CASE("a cancelled routine runs again, in a thread that waited for it") {
    rondo_once_t once = RONDO_ONCE_INIT;
    attempts = 0;
    result = 0;
    rondo_sem_init(&never_posted, 0, 0);
    Thread first([&] { rondo_once(&once, park_the_first_time); });
    CHECK(eventually([] { return attempts.load() == 1; }));
    first.await_parked();
    std::atomic<int> wrong{0};
    std::vector<Thread> others;
    for (int i = 0; i < 5; ++i) {
        others.emplace_back([&] { wrong.fetch_add(rondo_once(&once, park_the_first_time) != 0 || result != 43); });
    }
    for (Thread& other : others) other.await_parked();
    CHECK(attempts.load() == 1);
    first.cancel();
    CHECK(first.join() == RONDO_CANCELED);
    for (Thread& other : others) other.join();
    CHECK(attempts.load() == 2);
    CHECK(wrong.load() == 0);
    rondo_sem_destroy(&never_posted);
}

TEST_CASE("a routine that throws runs again") {
    rondo_once_t once = RONDO_ONCE_INIT;
    attempts = 0;
    result = 0;
    bool caught = false;
    try {
        rondo_once(&once, throw_the_first_time);
    } catch (const std::runtime_error&) {
        caught = true;
    }
    CHECK(caught);
    CHECK(rondo_once(&once, throw_the_first_time) == 0);
    CHECK(rondo_once(&once, throw_the_first_time) == 0);
    CHECK(attempts.load() == 2);
    CHECK(result == 44);
}
