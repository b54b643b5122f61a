// SPDX-License-Identifier: Apache-2.0
//
// A thread that never has to wait still lets the others run, provided it makes calls: reads of data that is always
// there, trylocks, yields, zero timeouts, and busy-waiting under a lock. Each case ends only when another thread
// has run; with one worker that takes the busy thread's cooperation. Calls are bounded by the clock, not by luck.
#include "io_support.h"

using namespace rondo::api_test;

namespace {

// Makes calls until the victim has run; false if it did not within kStallSeconds.
template <class BusyCall>
bool others_run_during(BusyCall busy) {
    std::atomic<int> steps{0};
    std::vector<Thread> victims;
    for (int i = 0; i < 3; ++i) {
        victims.emplace_back([&steps] {
            for (int step = 0; step < 5; ++step) {
                steps.fetch_add(1);
                rondo_yield();
            }
        });
    }
    const int64_t limit = now_ns() + kStallSeconds * 1'000'000'000LL;
    while (steps.load() < 15 && now_ns() < limit) busy();
    return steps.load() == 15;
}

}  // namespace

TEST_CASE("reading data that is always there lets others run") {
    Fd zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    char byte;
    CHECK(others_run_during([&] { rondo_read(zero.get(), &byte, 1); }));
    Connection pair = connect_unix();
    CHECK(others_run_during([&] {
        rondo_write(pair.client.get(), "x", 1);
        rondo_read(pair.server.get(), &byte, 1);
    }));
}

TEST_CASE("failing trylocks let others run") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_mutex_lock(&mutex);
    CHECK(others_run_during([&] { rondo_mutex_trylock(&mutex); }));
    rondo_mutex_unlock(&mutex);
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    CHECK(others_run_during([&] { rondo_sem_trywait(&sem); }));
    rondo_sem_destroy(&sem);
}

TEST_CASE("yields, zero polls and zero sleeps let others run") {
    CHECK(others_run_during([] { rondo_yield(); }));
    CHECK(others_run_during([] { rondo_spend(); }));
    CHECK(others_run_during([] { rondo_poll(nullptr, 0, 0); }));
    Connection pair = connect_unix();
    pollfd watched{pair.server.get(), POLLIN, 0};
    CHECK(others_run_during([&] { rondo_poll(&watched, 1, 0); }));
    timespec zero{0, 0};
    CHECK(others_run_during([&] { rondo_nanosleep(&zero, nullptr); }));
}

TEST_CASE("failing non-blocking reads let others run") {
    Connection pair = connect_unix();
    char byte;
    CHECK(others_run_during([&] { rondo_recv(pair.server.get(), &byte, 1, MSG_DONTWAIT); }));
}

TEST_CASE("uncontended locks and posts let others run") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    CHECK(others_run_during([&] {
        rondo_mutex_lock(&mutex);
        rondo_mutex_unlock(&mutex);
    }));
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    CHECK(others_run_during([&] {
        rondo_sem_post(&sem);
        rondo_sem_wait(&sem);
    }));
    rondo_sem_destroy(&sem);
}

TEST_CASE("waiting for a flag under a lock lets the setter run") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    bool flag = false;
    Thread setter([&] {
        rondo_mutex_lock(&mutex);
        flag = true;
        rondo_mutex_unlock(&mutex);
    });
    const int64_t limit = now_ns() + kStallSeconds * 1'000'000'000LL;
    bool seen = false;
    while (!seen && now_ns() < limit) {
        rondo_mutex_lock(&mutex);
        seen = flag;
        rondo_mutex_unlock(&mutex);
    }
    CHECK(seen);
}

TEST_CASE("a busy run queue still sees descriptors and timers") {
    Connection pair = connect_tcp();
    std::atomic<bool> stop{false};
    std::vector<Thread> busy;
    for (int i = 0; i < 8; ++i) {
        busy.emplace_back([&stop] {
            while (!stop.load()) rondo_yield();
        });
    }
    char byte;
    int fd = pair.server.get();
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
    int64_t start = now_ns();
    timespec brief{0, 10'000'000};
    CHECK(rondo_nanosleep(&brief, nullptr) == 0);
    CHECK(now_ns() - start < 2'000'000'000);
    stop.store(true);
}

TEST_CASE("of two echoing connections neither is forgotten") {
    constexpr int kMessages = 1'000;
    std::atomic<int> done{0};
    std::vector<Connection> connections;
    for (int i = 0; i < 4; ++i) connections.push_back(connect_unix());
    std::vector<Thread> threads;
    for (Connection& connection : connections) {
        threads.emplace_back([&connection] {
            char byte;
            while (rondo_read(connection.server.get(), &byte, 1) == 1) rondo_write(connection.server.get(), &byte, 1);
        });
        threads.emplace_back([&connection, &done] {
            char byte = 'e';
            int good = 0;
            for (int i = 0; i < kMessages; ++i) {
                good += rondo_write(connection.client.get(), &byte, 1) == 1;
                good += rondo_read(connection.client.get(), &byte, 1) == 1;
            }
            connection.client.reset();
            done.fetch_add(good);
        });
    }
    for (Thread& thread : threads) thread.join();
    CHECK(done.load() == 4 * 2 * kMessages);
}
