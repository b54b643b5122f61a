// SPDX-License-Identifier: Apache-2.0
//
// What C and C++ keep per thread stays with the thread across parks: errno, exceptions in flight, and the exception
// being handled. The thread family of calls leaves errno alone.
#include <exception>
#include <stdexcept>

#include "api_test.h"

using namespace rondo::api_test;

namespace {

struct YieldOnUnwind {
    explicit YieldOnUnwind(std::atomic<int>* counter) : wrong(counter) {}
    YieldOnUnwind(const YieldOnUnwind&) = delete;
    YieldOnUnwind& operator=(const YieldOnUnwind&) = delete;
    ~YieldOnUnwind() {
        for (int i = 0; i < 3; ++i) {
            wrong->fetch_add(std::uncaught_exceptions() != 1);
            rondo_yield();
        }
        wrong->fetch_add(std::uncaught_exceptions() != 1);
    }
    std::atomic<int>* wrong;
};

void throw_and_catch(int id, std::atomic<int>* wrong) {
    try {
        YieldOnUnwind guard(wrong);
        throw std::runtime_error(std::to_string(id));
    } catch (const std::runtime_error& error) {
        for (int i = 0; i < 3; ++i) {
            rondo_yield();
            wrong->fetch_add(std::uncaught_exceptions() != 0);
            wrong->fetch_add(error.what() != std::to_string(id));
            wrong->fetch_add(std::current_exception() == nullptr);
        }
        try {
            throw;
        } catch (const std::exception& again) {
            wrong->fetch_add(again.what() != std::to_string(id));
        }
    }
    wrong->fetch_add(std::current_exception() != nullptr);
}

}  // namespace

TEST_CASE("errno stays with its thread across yields, sleeps and waits") {
    std::atomic<int> wrong{0};
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    {
        std::vector<Thread> threads;
        for (int id = 1; id <= 30; ++id) {
            threads.emplace_back([&, id] {
                for (int round = 0; round < 20; ++round) {
                    errno = id;
                    rondo_yield();
                    wrong.fetch_add(errno != id);
                    rondo_mutex_lock(&mutex);
                    rondo_yield();
                    rondo_mutex_unlock(&mutex);
                    wrong.fetch_add(errno != id);
                    timespec brief{0, 100'000};
                    rondo_clock_nanosleep(CLOCK_MONOTONIC, 0, &brief, nullptr);
                    wrong.fetch_add(errno != id);
                }
            });
        }
    }
    CHECK(wrong.load() == 0);
}

TEST_CASE("calls that succeed and calls that return their error leave errno alone") {
    rondo_t id;
    errno = 1234;
    CHECK(rondo_create(
              &id, nullptr, [](void* arg) { return arg; }, nullptr) == 0);
    CHECK(rondo_join(id, nullptr) == 0);
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_mutex_lock(&mutex);
    CHECK(rondo_mutex_trylock(&mutex) == EBUSY);
    rondo_mutex_unlock(&mutex);
    rondo_key_t key;
    CHECK(rondo_key_create(&key, nullptr) == 0);
    CHECK(rondo_key_delete(key) == 0);
    CHECK(rondo_key_delete(key) == EINVAL);
    timespec past{1, 0};
    rondo_cond_t cond = RONDO_COND_INITIALIZER;
    rondo_mutex_lock(&mutex);
    CHECK(rondo_cond_timedwait(&cond, &mutex, &past) == ETIMEDOUT);
    rondo_mutex_unlock(&mutex);
    CHECK(errno == 1234);
}

TEST_CASE("a failing call sets the errno of its own thread only") {
    int seen = -1;
    Gate gate;
    Thread quiet([&] {
        errno = 77;
        gate.pass();
        seen = errno;
    });
    quiet.await_parked();
    Thread([] {
        char byte;
        errno = 0;
        CHECK(rondo_read(-1, &byte, 1) == -1);
        CHECK(errno == EBADF);
    }).join();
    gate.open();
    quiet.join();
    CHECK(seen == 77);
}

TEST_CASE("exceptions in flight and handled belong to their thread") {
    std::atomic<int> wrong{0};
    {
        std::vector<Thread> threads;
        for (int id = 0; id < 30; ++id) {
            threads.emplace_back([&wrong, id] {
                for (int round = 0; round < 10; ++round) throw_and_catch(id * 100 + round, &wrong);
            });
        }
    }
    CHECK(wrong.load() == 0);
}

TEST_CASE("an exception may be carried to another thread") {
    std::exception_ptr carried;
    Thread([&carried] {
        try {
            throw std::logic_error("carried");
        } catch (...) {
            carried = std::current_exception();
            rondo_yield();
        }
    }).join();
    std::string what;
    try {
        std::rethrow_exception(carried);
    } catch (const std::logic_error& error) {
        what = error.what();
    }
    CHECK(what == "carried");
}
