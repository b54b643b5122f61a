// SPDX-License-Identifier: Apache-2.0
//
// Kernel threads that are not workers use the same mutexes, condition variables, semaphores, keys, once and barriers as
// Rondo threads, in both directions, before the runtime has started as well as after. Their I/O and sleeping are plain
// system calls, and they may create and join Rondo threads.
#include "io_support.h"

using namespace rondo::api_test;

namespace {

int once_runs;
std::atomic<int> destroyed{0};

}  // namespace

TEST_CASE("synchronisation works before anything has started") {
    if (!kNptl && !rondo_started()) CHECK(rondo_on_thread() == 0);
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond = RONDO_COND_INITIALIZER;
    bool ready = false;
    ForeignThread other([&] {
        rondo_mutex_lock(&mutex);
        ready = true;
        rondo_cond_signal(&cond);
        rondo_mutex_unlock(&mutex);
    });
    rondo_mutex_lock(&mutex);
    while (!ready) rondo_cond_wait(&cond, &mutex);
    rondo_mutex_unlock(&mutex);
    other.join();
    CHECK(ready);
}

TEST_CASE("threads and foreign kernel threads exclude each other") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    long total = 0;
    int inside = 0, overlaps = 0;
    constexpr int kRounds = 2'000;
    auto work = [&] {
        for (int i = 0; i < kRounds; ++i) {
            rondo_mutex_lock(&mutex);
            overlaps += inside++ != 0;
            if (i % 16 == 0) rondo_yield();
            --inside;
            ++total;
            rondo_mutex_unlock(&mutex);
        }
    };
    std::vector<Thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back(work);
    ForeignThread first(work), second(work);
    for (Thread& thread : threads) thread.join();
    first.join();
    second.join();
    CHECK(total == 6 * kRounds);
    CHECK(overlaps == 0);
}

TEST_CASE("a condition variable passes the turn between a thread and a kernel thread") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond = RONDO_COND_INITIALIZER;
    constexpr int kTurns = 2'000;
    int turn = 0;
    auto play = [&](int own) {
        for (int i = 0; i < kTurns; ++i) {
            rondo_mutex_lock(&mutex);
            while (turn % 2 != own) rondo_cond_wait(&cond, &mutex);
            ++turn;
            rondo_cond_signal(&cond);
            rondo_mutex_unlock(&mutex);
        }
    };
    Thread thread([&] { play(0); });
    ForeignThread foreign([&] { play(1); });
    thread.join();
    foreign.join();
    CHECK(turn == 2 * kTurns);
}

TEST_CASE("timed waits of a kernel thread end in time") {
    ForeignThread([] {
        rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
        rondo_cond_t cond = RONDO_COND_INITIALIZER;
        rondo_mutex_lock(&mutex);
        for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            timespec deadline = deadline_in(clock, 15);
            int rc = 0;
            while (rc == 0) rc = rondo_cond_clockwait(&cond, &mutex, clock, &deadline);
            CHECK(rc == ETIMEDOUT);
            CHECK(now_ns(clock) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
        }
        rondo_mutex_unlock(&mutex);
        rondo_sem_t sem;
        rondo_sem_init(&sem, 0, 0);
        timespec deadline = deadline_in(CLOCK_REALTIME, 15);
        errno = 0;
        CHECK(rondo_sem_timedwait(&sem, &deadline) == -1);
        CHECK(errno == ETIMEDOUT);
        rondo_sem_destroy(&sem);
    }).join();
}

TEST_CASE("a barrier and an rwlock are shared by both kinds") {
    constexpr int kRounds = 300;
    rondo_barrier_t barrier;
    rondo_barrier_init(&barrier, nullptr, 4);
    rondo_rwlock_t lock = RONDO_RWLOCK_INITIALIZER;
    long a = 0, b = 0;
    std::atomic<int> serial{0}, torn{0};
    auto work = [&] {
        for (int i = 0; i < kRounds; ++i) {
            serial.fetch_add(rondo_barrier_wait(&barrier) == RONDO_BARRIER_SERIAL_THREAD);
            rondo_rwlock_wrlock(&lock);
            ++a;
            ++b;
            rondo_rwlock_unlock(&lock);
            rondo_rwlock_rdlock(&lock);
            torn.fetch_add(a != b);
            rondo_rwlock_unlock(&lock);
        }
    };
    std::vector<Thread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back(work);
    ForeignThread foreign(work);
    for (Thread& thread : threads) thread.join();
    foreign.join();
    CHECK(serial.load() == kRounds);
    CHECK(torn.load() == 0);
    CHECK(a == 4 * kRounds);
    CHECK(rondo_barrier_destroy(&barrier) == 0);
}

TEST_CASE("once counts runs across both kinds") {
    for (int round = 0; round < 50; ++round) {
        static rondo_once_t once;
        once = RONDO_ONCE_INIT;
        once_runs = 0;
        auto call = [] {
            rondo_once(&once, [] {
                ++once_runs;
                rondo_yield();
            });
        };
        Thread thread(call);
        ForeignThread foreign(call);
        call();
        thread.join();
        foreign.join();
        CHECK(once_runs == 1);
    }
}

TEST_CASE("keys of a kernel thread are its own, and destroyed when it ends") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, [](void*) { destroyed.fetch_add(1); }) == 0);
    destroyed = 0;
    int mark = 0;
    ForeignThread([key, &mark] {
        CHECK(rondo_getspecific(key) == nullptr);
        CHECK(rondo_setspecific(key, &mark) == 0);
        CHECK(rondo_getspecific(key) == &mark);
    }).join();
    CHECK(destroyed.load() == 1);
    CHECK(rondo_getspecific(key) == nullptr);
    CHECK(rondo_key_delete(key) == 0);
}

TEST_CASE("a kernel thread creates, cancels and joins threads") {
    ForeignThread([] {
        std::vector<Thread> threads;
        for (long i = 0; i < 50; ++i) {
            threads.emplace_back([i] {
                rondo_yield();
                return reinterpret_cast<void*>(i);
            });
        }
        for (long i = 0; i < 50; ++i) CHECK(threads[static_cast<size_t>(i)].join() == reinterpret_cast<void*>(i));
        Thread sleeper([] {
            timespec day{86'400, 0};
            rondo_nanosleep(&day, nullptr);
        });
        sleeper.cancel();
        CHECK(sleeper.join() == RONDO_CANCELED);
    }).join();
}

TEST_CASE("identity tells the kinds apart" * doctest::skip(kNptl)) {
    Thread([] { CHECK(rondo_on_thread() == 1); }).join();
    CHECK(rondo_started() == 1);
    CHECK(rondo_on_thread() == 1);
    ForeignThread([] { CHECK(rondo_on_thread() == 0); }).join();
}

TEST_CASE("a kernel thread's I/O and sleep are the plain calls, and meet a parked thread") {
    Connection pair = connect_unix();
    std::string sent = pattern(500'000), got;
    Thread reader([&] { got = read_up_to(pair.server.get()); });
    ForeignThread([&] {
        timespec brief{0, 1'000'000};
        CHECK(rondo_nanosleep(&brief, nullptr) == 0);
        CHECK(write_all(pair.client.get(), sent, 10'000) == sent.size());
        pollfd watched{pair.client.get(), POLLOUT, 0};
        CHECK(rondo_poll(&watched, 1, 10'000) == 1);
        pair.client.reset();
    }).join();
    reader.join();
    CHECK((got == sent));
}

TEST_CASE("close by a kernel thread wakes a parked reader" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    char byte;
    int fd = pair.server.get();
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    ForeignThread([&pair] { CHECK(rondo_close(pair.server.release()) == 0); }).join();
    CHECK(reader.result() == -1);
    CHECK(reader.error() == EBADF);
}

TEST_CASE("semaphore objects vanish under either kind") {
    for (int round = 0; round < 200; ++round) {
        OwnPage<rondo_sem_t> page;
        rondo_sem_init(page.get(), 0, 0);
        auto wait_and_unmap = [&page] {
            rondo_sem_wait(page.get());
            rondo_sem_destroy(page.get());
            page.vanish();
        };
        if (round % 2 == 0) {
            ForeignThread foreign(wait_and_unmap);
            rondo_sem_post(page.get());
            foreign.join();
        } else {
            Thread waiter(wait_and_unmap);
            ForeignThread([&page] { rondo_sem_post(page.get()); }).join();
            waiter.join();
        }
    }
    CHECK(true);
}
