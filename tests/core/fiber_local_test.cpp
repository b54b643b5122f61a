// SPDX-License-Identifier: Apache-2.0
//
// Keys and slots: values under a key's generation, the rounds of destructors, the blocks behind the first slots, kernel
// threads that are no workers.

#include "runtime/core/fiber_local.h"

#include <cerrno>
#include <thread>

#include "support/test.h"

namespace {

using rondo::create_key;
using rondo::delete_key;
using rondo::kMaxKeys;
using rondo::LocalSlots;

class Keys {
   public:
    explicit Keys(unsigned count, void (*destructor)(void*) = nullptr) : keys_(count) {
        for (unsigned& key : keys_) {
            REQUIRE(create_key(key, destructor) == 0);
        }
    }
    Keys(const Keys&) = delete;
    Keys& operator=(const Keys&) = delete;
    ~Keys() {
        for (unsigned key : keys_) {
            CHECK(delete_key(key) == 0);
        }
    }
    unsigned operator[](size_t index) const { return keys_[index]; }
    size_t size() const { return keys_.size(); }

   private:
    std::vector<unsigned> keys_;
};

void* number(uintptr_t value) { return reinterpret_cast<void*>(value); }

int destroyed = 0;
LocalSlots* destroying = nullptr;
unsigned destroying_key = 0;
unsigned late_key = 0;

void count_destroyed(void*) { ++destroyed; }

void set_again(void* value) {
    ++destroyed;
    destroying->set(destroying_key, value);
}

void set_late_key(void* value) {
    ++destroyed;
    destroying->set(late_key, value);
}

}  // namespace

TEST_CASE("there are 1024 keys, and a deleted one can be had again") {
    Keys all(kMaxKeys);
    unsigned key = 0;
    CHECK(create_key(key, nullptr) == EAGAIN);
    CHECK(delete_key(all[500]) == 0);
    CHECK(delete_key(all[500]) == EINVAL);
    CHECK(delete_key(kMaxKeys) == EINVAL);
    CHECK(create_key(key, nullptr) == 0);
    CHECK(key == all[500]);
}

TEST_CASE("each slot holds its own value") {
    Keys all(kMaxKeys);
    LocalSlots slots;
    for (size_t i = 0; i < all.size(); ++i) {
        CHECK(slots.get(all[i]) == nullptr);
    }
    for (size_t i = 0; i < all.size(); ++i) {
        CHECK(slots.set(all[i], number(i + 1)) == 0);
    }
    for (size_t i = 0; i < all.size(); ++i) {
        CHECK(slots.get(all[i]) == number(i + 1));
    }
    slots.run_destructors();
}

TEST_CASE("a key that does not exist has no value and takes none") {
    LocalSlots slots;
    CHECK(slots.set(3, number(1)) == EINVAL);
    CHECK(slots.set(kMaxKeys - 1, number(1)) == EINVAL);
    CHECK(slots.set(kMaxKeys, number(1)) == EINVAL);
    CHECK(slots.get(kMaxKeys) == nullptr);
    CHECK(slots.get(UINT32_MAX) == nullptr);
}

TEST_CASE("deleting a key forgets its values, also for the next owner of the number") {
    LocalSlots slots;
    unsigned key = 0;
    REQUIRE(create_key(key, count_destroyed) == 0);
    CHECK(slots.set(key, number(1)) == 0);
    CHECK(delete_key(key) == 0);
    CHECK(slots.get(key) == nullptr);
    unsigned next = 0;
    REQUIRE(create_key(next, count_destroyed) == 0);
    REQUIRE(next == key);
    CHECK(slots.get(next) == nullptr);
    destroyed = 0;
    slots.run_destructors();
    CHECK(destroyed == 0);
    CHECK(delete_key(next) == 0);
}

TEST_CASE("destructors see each value that is not null, once") {
    Keys keys(LocalSlots::kInline + 4, count_destroyed);
    LocalSlots slots;
    destroyed = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK(slots.set(keys[i], i == 2 || i == keys.size() - 1 ? nullptr : number(i + 1)) == 0);
    }
    slots.run_destructors();
    CHECK(destroyed == static_cast<int>(keys.size()) - 2);
    slots.run_destructors();
    CHECK(destroyed == static_cast<int>(keys.size()) - 2);
    for (size_t i = 0; i < keys.size(); ++i) {
        CHECK(slots.get(keys[i]) == nullptr);
    }
}

TEST_CASE("a destructor that stores a value runs again, four rounds in all") {
    Keys keys(1, set_again);
    LocalSlots slots;
    destroying = &slots;
    destroying_key = keys[0];
    destroyed = 0;
    CHECK(slots.set(keys[0], number(1)) == 0);
    slots.run_destructors();
    CHECK(destroyed == rondo::kDestructorRounds);
}

TEST_CASE("a destructor may store the first value beyond the inline slots") {
    Keys inline_keys(LocalSlots::kInline, set_late_key);
    Keys more(2, count_destroyed);
    LocalSlots slots;
    destroying = &slots;
    late_key = more[1];
    destroyed = 0;
    CHECK(slots.set(inline_keys[0], number(7)) == 0);
    slots.run_destructors();
    CHECK(destroyed == 2);
}

TEST_CASE("a block of slots is clean for the next thread") {
    Keys keys(LocalSlots::kInline + 1);
    for (int i = 0; i < 3; ++i) {
        LocalSlots slots;
        CHECK(slots.get(keys[LocalSlots::kInline]) == nullptr);
        CHECK(slots.set(keys[LocalSlots::kInline], number(9)) == 0);
        slots.run_destructors();
    }
}

TEST_CASE("a kernel thread that is no worker has slots of its own, destroyed when it ends") {
    Keys keys(LocalSlots::kInline + 1, count_destroyed);
    unsigned key = keys[LocalSlots::kInline];
    destroyed = 0;
    for (int i = 0; i < 3; ++i) {
        std::thread thread([&] {
            CHECK(rondo::current_local_slots(false) == nullptr);
            LocalSlots* slots = rondo::current_local_slots(true);
            REQUIRE(slots != nullptr);
            CHECK(rondo::current_local_slots(false) == slots);
            CHECK(slots->get(key) == nullptr);
            CHECK(slots->set(key, number(1)) == 0);
            CHECK(slots->set(keys[0], number(2)) == 0);
        });
        thread.join();
        CHECK(destroyed == 2 * (i + 1));
    }
}

TEST_CASE("a thread that becomes a fiber keeps what it stored") {
    Keys keys(LocalSlots::kInline + 1, count_destroyed);
    std::thread thread([&] {
        LocalSlots* before = rondo::current_local_slots(true);
        REQUIRE(before != nullptr);
        CHECK(before->set(keys[0], number(1)) == 0);
        CHECK(before->set(keys[LocalSlots::kInline], number(2)) == 0);
        LocalSlots fiber;
        fiber.adopt_foreign();
        CHECK(rondo::current_local_slots(false) == nullptr);
        CHECK(fiber.get(keys[0]) == number(1));
        CHECK(fiber.get(keys[LocalSlots::kInline]) == number(2));
        destroyed = 0;
        fiber.run_destructors();
        CHECK(destroyed == 2);
        fiber.adopt_foreign();
        CHECK(fiber.get(keys[0]) == nullptr);
    });
    thread.join();
    CHECK(destroyed == 2);
}
