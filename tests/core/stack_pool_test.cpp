// SPDX-License-Identifier: Apache-2.0
//
// Stacks in pools of the test's own: size classes, what find() knows, the order of reuse, what a reused stack holds.
// Guards and a system that refuses are in stack_pool_limits_test.cpp.

#include "runtime/core/stack_pool.h"

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "system/faults.h"

namespace {

using rondo::kGuardBytes;
using rondo::kSmallestStack;
using rondo::Stack;
using rondo::StackCache;
using rondo::StackPool;
using rondo_test::writable;

bool operator==(const Stack& a, const Stack& b) { return a.slab == b.slab && a.slot == b.slot; }

Stack taken(StackPool& pool, size_t bytes, StackCache* cache = nullptr) {
    Stack stack = pool.take(bytes, cache);
    REQUIRE(stack);
    return stack;
}

}  // namespace

TEST_CASE("a request gets the smallest class that holds it") {
    static constinit StackPool pool;
    pool.init(0);
    for (int size_class = 0; size_class < rondo::kSizeClasses; ++size_class) {
        size_t bytes = kSmallestStack << size_class;
        for (size_t wanted : {size_class == 0 ? 1 : bytes / 2 + 1, bytes}) {
            CAPTURE(wanted);
            Stack stack = taken(pool, wanted);
            CHECK(stack.bytes() == bytes);
            CHECK(static_cast<size_t>(stack.top() - stack.low()) == bytes);
            CHECK(reinterpret_cast<uintptr_t>(stack.top()) % 4096 == 0);
            CHECK(writable(stack.low()));
            CHECK(writable(stack.top() - 1));
        }
    }
    CHECK(pool.in_use() == 2 * rondo::kSizeClasses);
    CHECK_FALSE(pool.take(rondo::kLargestStack + 1, nullptr));
    CHECK_FALSE(pool.take(SIZE_MAX, nullptr));
    CHECK(pool.in_use() == 2 * rondo::kSizeClasses);
}

TEST_CASE("a request of 0 gets the default") {
    static constinit StackPool ordinary;
    ordinary.init(0);
    CHECK(taken(ordinary, 0).bytes() == rondo::kDefaultStack);
    static constinit StackPool set;
    set.init(200 * 1024);
    CHECK(set.default_bytes() == 200 * 1024);
    CHECK(taken(set, 0).bytes() == 256 * 1024);
}

TEST_CASE("find knows the slot by its side memory, and by no other address") {
    static constinit StackPool pool;
    pool.init(0);
    CHECK_FALSE(pool.find(&pool));
    std::vector<Stack> stacks;
    for (int i = 0; i < 8; ++i) {
        stacks.push_back(taken(pool, i % 2 == 0 ? 64 * 1024 : 1024 * 1024));
    }
    for (const Stack& stack : stacks) {
        CHECK(pool.find(stack.side()) == stack);
        CHECK_FALSE(pool.find(static_cast<char*>(stack.side()) + 8));
        CHECK_FALSE(pool.find(stack.low()));
    }
    Stack last = stacks[6];
    CHECK_FALSE(pool.find(static_cast<char*>(last.side()) + rondo::kStackSideBytes));
    CHECK_FALSE(pool.find(static_cast<char*>(stacks[0].side()) - rondo::kStackSideBytes));
    CHECK_FALSE(pool.find(nullptr));
    CHECK_FALSE(pool.find(reinterpret_cast<void*>(UINTPTR_MAX)));
    pool.give_back(last, nullptr);
    CHECK(pool.find(last.side()) == last);
}

TEST_CASE("a full slab is followed by another") {
    static constinit StackPool pool;
    pool.init(0);
    CHECK(pool.slab(0) == nullptr);
    std::set<char*> lows;
    std::vector<Stack> stacks;
    while (pool.slab(1) == nullptr && stacks.size() < 100) {
        stacks.push_back(taken(pool, rondo::kLargestStack));
        CHECK(lows.insert(stacks.back().low()).second);
    }
    REQUIRE(pool.slab(1) != nullptr);
    CHECK(stacks.size() == pool.slab(0)->capacity + size_t{1});
    CHECK(pool.slab(2) == nullptr);
    for (const Stack& stack : stacks) {
        CHECK(pool.find(stack.side()) == stack);
        pool.give_back(stack, nullptr);
    }
    CHECK(pool.in_use() == 0);
    for (size_t i = 0; i < stacks.size(); ++i) {
        CHECK(lows.erase(taken(pool, rondo::kLargestStack).low()) == 1);
    }
    CHECK(pool.slab(2) == nullptr);
}

TEST_CASE("reuse is last in, first out, with and without a cache") {
    static constinit StackPool pool;
    static StackCache cache;
    pool.init(0);
    for (StackCache* with : {static_cast<StackCache*>(nullptr), &cache}) {
        Stack stacks[3] = {taken(pool, 1, with), taken(pool, 1, with), taken(pool, 1, with)};
        for (int i : {1, 0, 2}) {
            pool.give_back(stacks[i], with);
        }
        for (int i : {2, 0, 1}) {
            CHECK(taken(pool, 1, with) == stacks[i]);
        }
    }
}

TEST_CASE("the cache holds a bounded number of each class, the rest goes back") {
    static constinit StackPool pool;
    static StackCache cache;
    pool.init(0);
    std::vector<Stack> stacks;
    for (int i = 0; i < StackCache::kPerClass + 1; ++i) {
        stacks.push_back(taken(pool, 1));
    }
    Stack large = taken(pool, 1024 * 1024);
    for (const Stack& stack : stacks) {
        pool.give_back(stack, &cache);
    }
    pool.give_back(large, &cache);
    CHECK(cache.count[0] == StackCache::kPerClass);
    CHECK(taken(pool, 1) == stacks.back());
    CHECK(taken(pool, 1, &cache) == stacks[StackCache::kPerClass - 1]);
    CHECK(taken(pool, 1024 * 1024, &cache) == large);
    CHECK(pool.in_use() == 3);
}

TEST_CASE("a warm stack keeps its pages, one given back to the pool only its top") {
    static constinit StackPool pool;
    static StackCache cache;
    pool.init(0);
    Stack stack = taken(pool, 128 * 1024);
    *stack.low() = 'l';
    *(stack.top() - 1) = 't';
    pool.give_back(stack, &cache);
    CHECK(taken(pool, 128 * 1024, &cache) == stack);
    CHECK(*stack.low() == 'l');
    pool.give_back(stack, nullptr);
    CHECK(taken(pool, 128 * 1024) == stack);
    CHECK(*stack.low() == 0);
    CHECK(*(stack.top() - 4097) == 0);
    CHECK(*(stack.top() - 1) == 't');
}

TEST_CASE("kernel threads never hold the same stack") {
    static constinit StackPool pool;
    pool.init(0);
    std::atomic<bool> clean{true};
    auto churn = [&clean](unsigned mark) {
        std::mt19937 random(mark);
        auto* cache = new StackCache;
        std::vector<Stack> held;
        for (int step = 0; step < 3000; ++step) {
            if (held.size() < 40 && random() % 2 == 0) {
                held.push_back(pool.take(kSmallestStack << (random() % 3), random() % 2 == 0 ? cache : nullptr));
                *reinterpret_cast<unsigned*>(held.back().top() - sizeof(unsigned)) = mark;
            } else if (!held.empty()) {
                Stack stack = held.back();
                held.pop_back();
                unsigned found = *reinterpret_cast<unsigned*>(stack.top() - sizeof(unsigned));
                clean = clean && found == mark && pool.find(stack.side()) == stack;
                pool.give_back(stack, random() % 2 == 0 ? cache : nullptr);
            }
        }
        for (const Stack& stack : held) {
            pool.give_back(stack, nullptr);
        }
        delete cache;
    };
    std::thread other(churn, 1);
    churn(2);
    other.join();
    CHECK(clean);
    CHECK(pool.in_use() == 0);
}
