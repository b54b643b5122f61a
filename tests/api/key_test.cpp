// SPDX-License-Identifier: Apache-2.0
//
// Thread-specific values: one value a thread and key, destructors at thread exit in at most four rounds, the limit of
// 1,024 keys, and deleted keys whose values nobody sees again.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

void* as_pointer(long value) { return reinterpret_cast<void*>(value); }

std::atomic<int> destroyed{0};
std::atomic<long> last_value{0};
rondo_key_t stubborn_key, second_key;

void count_destruction(void* value) {
    destroyed.fetch_add(1);
    last_value.store(reinterpret_cast<long>(value));
}

void set_again(void* value) {
    destroyed.fetch_add(1);
    rondo_setspecific(stubborn_key, value);
}

void set_the_other(void* value) {
    destroyed.fetch_add(1);
    rondo_setspecific(second_key, value);
}

}  // namespace

TEST_CASE("values start null and belong to their thread, across parks") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, nullptr) == 0);
    CHECK(rondo_getspecific(key) == nullptr);
    CHECK(rondo_setspecific(key, as_pointer(-1)) == 0);
    std::atomic<int> wrong{0};
    {
        std::vector<Thread> threads;
        for (long i = 1; i <= 100; ++i) {
            threads.emplace_back([&wrong, key, i] {
                wrong.fetch_add(rondo_getspecific(key) != nullptr);
                wrong.fetch_add(rondo_setspecific(key, as_pointer(i)) != 0);
                for (int round = 0; round < 5; ++round) {
                    rondo_yield();
                    wrong.fetch_add(rondo_getspecific(key) != as_pointer(i));
                }
            });
        }
    }
    CHECK(wrong.load() == 0);
    CHECK(rondo_getspecific(key) == as_pointer(-1));
    CHECK(rondo_key_delete(key) == 0);
}

TEST_CASE("destructors run at exit, for values that are not null, on every way out") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, count_destruction) == 0);
    destroyed = 0;
    Thread([key] { rondo_setspecific(key, as_pointer(5)); }).join();
    CHECK(destroyed.load() == 1);
    CHECK(last_value.load() == 5);
    Thread([key] {
        rondo_setspecific(key, as_pointer(6));
        rondo_exit(nullptr);
    }).join();
    CHECK(destroyed.load() == 2);
    Thread([key] {
        rondo_setspecific(key, as_pointer(7));
        rondo_cancel(rondo_self());
        rondo_testcancel();
    }).join();
    CHECK(destroyed.load() == 3);
    CHECK(last_value.load() == 7);
    Thread([key] {
        rondo_setspecific(key, as_pointer(8));
        rondo_setspecific(key, nullptr);
    }).join();
    Thread([] {}).join();
    CHECK(destroyed.load() == 3);
    CHECK(rondo_key_delete(key) == 0);
}

TEST_CASE("a destructor sees null and may set the value again, four rounds at most") {
    REQUIRE(rondo_key_create(&stubborn_key, set_again) == 0);
    destroyed = 0;
    Thread([] { rondo_setspecific(stubborn_key, as_pointer(1)); }).join();
    CHECK(destroyed.load() == 4);
    CHECK(rondo_key_delete(stubborn_key) == 0);
}

TEST_CASE("a destructor may set another key's value, which is destroyed too") {
    rondo_key_t first;
    REQUIRE(rondo_key_create(&second_key, count_destruction) == 0);
    REQUIRE(rondo_key_create(&first, set_the_other) == 0);
    destroyed = 0;
    last_value = 0;
    Thread([first] { rondo_setspecific(first, as_pointer(9)); }).join();
    CHECK(destroyed.load() == 2);
    CHECK(last_value.load() == 9);
    CHECK(rondo_key_delete(first) == 0);
    CHECK(rondo_key_delete(second_key) == 0);
}

TEST_CASE("a destructor may park") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, [](void* value) {
                for (int i = 0; i < 10; ++i) rondo_yield();
                timespec brief{0, 1'000'000};
                rondo_nanosleep(&brief, nullptr);
                static_cast<std::atomic<int>*>(value)->fetch_add(1);
            }) == 0);
    std::atomic<int> finished{0};
    std::vector<Thread> threads;
    for (int i = 0; i < 20; ++i) threads.emplace_back([&] { rondo_setspecific(key, &finished); });
    for (Thread& thread : threads) thread.join();
    CHECK(finished.load() == 20);
    CHECK(rondo_key_delete(key) == 0);
}

TEST_CASE("keys run out at the POSIX limit with EAGAIN, and deleting makes room") {
    std::vector<rondo_key_t> keys;
    rondo_key_t key;
    int rc;
    while ((rc = rondo_key_create(&key, nullptr)) == 0) {
        REQUIRE(keys.size() < 5000);
        keys.push_back(key);
    }
    CHECK(rc == EAGAIN);
    CHECK(keys.size() > 900);
    CHECK(keys.size() <= 1024);
    std::atomic<int> wrong{0};
    Thread([&] {
        for (size_t i = 0; i < keys.size(); ++i) rondo_setspecific(keys[i], as_pointer(static_cast<long>(i) + 1));
        rondo_yield();
        for (size_t i = 0; i < keys.size(); ++i) {
            wrong.fetch_add(rondo_getspecific(keys[i]) != as_pointer(static_cast<long>(i) + 1));
        }
    }).join();
    CHECK(wrong.load() == 0);
    CHECK(rondo_key_delete(keys.back()) == 0);
    CHECK(rondo_key_create(&keys.back(), nullptr) == 0);
    int failures = 0;
    for (rondo_key_t each : keys) failures += rondo_key_delete(each) != 0;
    CHECK(failures == 0);
}

TEST_CASE("a deleted key is refused, its values forgotten, its destructor never run") {
    rondo_key_t key;
    REQUIRE(rondo_key_create(&key, count_destruction) == 0);
    destroyed = 0;
    Gate gate;
    Thread holder([&gate, key] {
        rondo_setspecific(key, as_pointer(1));
        gate.pass();
    });
    holder.await_parked();
    REQUIRE(rondo_setspecific(key, as_pointer(2)) == 0);
    CHECK(rondo_key_delete(key) == 0);
    CHECK(rondo_key_delete(key) == EINVAL);
    CHECK(rondo_setspecific(key, as_pointer(3)) == EINVAL);
    CHECK(rondo_getspecific(key) == nullptr);
    rondo_key_t reused;
    REQUIRE(rondo_key_create(&reused, count_destruction) == 0);
    CHECK(rondo_getspecific(reused) == nullptr);
    gate.open();
    holder.join();
    CHECK(destroyed.load() == 0);
    CHECK(rondo_key_delete(reused) == 0);
    CHECK(rondo_key_delete(rondo_key_t{100'000}) == EINVAL);
}
