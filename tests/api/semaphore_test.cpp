// SPDX-License-Identifier: Apache-2.0
//
// Unnamed semaphores: errors through errno, deadlines on both clocks, posts from threads and from foreign kernel
// threads, no token lost or invented, and destruction by the thread that was woken while the poster is still returning.
#include <limits.h>

#include "api_test.h"

using namespace rondo::api_test;

namespace {

struct Semaphore {
    explicit Semaphore(unsigned value) { REQUIRE(rondo_sem_init(&raw, 0, value) == 0); }
    ~Semaphore() { CHECK(rondo_sem_destroy(&raw) == 0); }
    int value() {
        int now = -1;
        CHECK(rondo_sem_getvalue(&raw, &now) == 0);
        return now;
    }
    rondo_sem_t raw;
};

}  // namespace

TEST_CASE("the value counts posts and waits") {
    Semaphore sem(2);
    CHECK(sem.value() == 2);
    CHECK(rondo_sem_wait(&sem.raw) == 0);
    CHECK(rondo_sem_trywait(&sem.raw) == 0);
    CHECK(sem.value() == 0);
    errno = 0;
    CHECK(rondo_sem_trywait(&sem.raw) == -1);
    CHECK(errno == EAGAIN);
    CHECK(rondo_sem_post(&sem.raw) == 0);
    CHECK(sem.value() == 1);
}

TEST_CASE("a value above the maximum is refused, at init and at post") {
    rondo_sem_t sem;
    errno = 0;
    CHECK(rondo_sem_init(&sem, 0, static_cast<unsigned>(INT_MAX) + 1) == -1);
    CHECK(errno == EINVAL);
    REQUIRE(rondo_sem_init(&sem, 0, INT_MAX) == 0);
    errno = 0;
    CHECK(rondo_sem_post(&sem) == -1);
    CHECK(errno == EOVERFLOW);
    int value = 0;
    CHECK(rondo_sem_getvalue(&sem, &value) == 0);
    CHECK(value == INT_MAX);
    CHECK(rondo_sem_destroy(&sem) == 0);
}

TEST_CASE("timed waits give up at their deadline and not before") {
    Semaphore sem(0);
    for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
        timespec deadline = deadline_in(clock, 20);
        errno = 0;
        CHECK(rondo_sem_clockwait(&sem.raw, clock, &deadline) == -1);
        CHECK(errno == ETIMEDOUT);
        CHECK(now_ns(clock) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
    }
    timespec deadline = deadline_in(CLOCK_REALTIME, 20);
    errno = 0;
    CHECK(rondo_sem_timedwait(&sem.raw, &deadline) == -1);
    CHECK(errno == ETIMEDOUT);
    timespec bad{now_ns(CLOCK_REALTIME) / 1'000'000'000 + 100, 1'000'000'000};
    errno = 0;
    CHECK(rondo_sem_timedwait(&sem.raw, &bad) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_sem_clockwait(&sem.raw, CLOCK_PROCESS_CPUTIME_ID, &deadline) == -1);
    CHECK(errno == EINVAL);
    CHECK(sem.value() == 0);
}

TEST_CASE("a token that is there is taken whatever the deadline") {
    Semaphore sem(1);
    timespec past{1, 0};
    CHECK(rondo_sem_timedwait(&sem.raw, &past) == 0);
    errno = 0;
    CHECK(rondo_sem_timedwait(&sem.raw, &past) == -1);
    CHECK(errno == ETIMEDOUT);
}

TEST_CASE("each post lets exactly one waiter through") {
    Semaphore sem(0);
    constexpr int kWaiters = 20;
    std::atomic<int> through{0};
    std::vector<Thread> threads;
    for (int i = 0; i < kWaiters; ++i) {
        threads.emplace_back([&] {
            rondo_sem_wait(&sem.raw);
            through.fetch_add(1);
        });
    }
    for (Thread& thread : threads) thread.await_parked();
    for (int i = 1; i <= kWaiters; ++i) {
        rondo_sem_post(&sem.raw);
        CHECK(eventually([&] { return through.load() >= i; }));
        CHECK(through.load() == i);
    }
    for (Thread& thread : threads) thread.join();
    CHECK(sem.value() == 0);
}

TEST_CASE("posts from a foreign kernel thread wake threads, none lost") {
    Semaphore there(0), back(0);
    constexpr int kRounds = 2000;
    ForeignThread foreign([&] {
        for (int i = 0; i < kRounds; ++i) {
            rondo_sem_post(&there.raw);
            rondo_sem_wait(&back.raw);
        }
    });
    Thread thread([&] {
        for (int i = 0; i < kRounds; ++i) {
            rondo_sem_wait(&there.raw);
            rondo_sem_post(&back.raw);
        }
    });
    thread.join();
    foreign.join();
    CHECK(there.value() == 0);
    CHECK(back.value() == 0);
}

TEST_CASE("tokens are neither lost nor invented when waiters time out") {
    Semaphore sem(0);
    constexpr int kPosters = 4, kPosts = 1000;
    std::atomic<int> taken{0}, posting{kPosters};
    {
        std::vector<Thread> threads;
        for (int p = 0; p < kPosters; ++p) {
            threads.emplace_back([&, p] {
                for (int i = 0; i < kPosts; ++i) {
                    rondo_sem_post(&sem.raw);
                    if ((i + p) % 3 == 0) rondo_yield();
                }
                posting.fetch_sub(1);
            });
        }
        for (int w = 0; w < 8; ++w) {
            threads.emplace_back([&, w] {
                for (int i = w; posting.load() != 0 || i % 2 == 0; ++i) {
                    timespec deadline = to_timespec(now_ns() + i % 40 * 1'000);
                    if (rondo_sem_clockwait(&sem.raw, CLOCK_MONOTONIC, &deadline) == 0) taken.fetch_add(1);
                }
            });
        }
    }
    CHECK(taken.load() + sem.value() == kPosters * kPosts);
    CHECK(taken.load() > 0);
}

TEST_CASE("the woken thread may destroy and unmap the semaphore at once") {
    for (int round = 0; round < 500; ++round) {
        OwnPage<rondo_sem_t> page;
        rondo_sem_init(page.get(), 0, 0);
        int destroyed = -1;
        Thread waiter([&] {
            rondo_sem_wait(page.get());
            destroyed = rondo_sem_destroy(page.get());
            page.vanish();
        });
        if (round % 2 == 0) waiter.await_parked();
        rondo_sem_post(page.get());
        waiter.join();
        CHECK(destroyed == 0);
    }
}
