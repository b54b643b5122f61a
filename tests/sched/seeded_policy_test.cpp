// SPDX-License-Identifier: Apache-2.0
//
// The seeded policy on fibers that never run: nobody is lost or runs twice, a seed is one order, and each way of
// choosing has its property.

#include "runtime/sched/seeded_policy.h"

#include <algorithm>
#include <set>
#include <vector>

#include "support/test.h"

namespace {

constexpr size_t kFibers = 6;

rondo::Schedule schedule_of(uint64_t seed) { return rondo::Schedule({seed, false, nullptr, -1}); }

// The numbers of the fibers in the order in which they ran: all become ready, then each that ran does so again.
std::vector<size_t> order_of(uint64_t seed, size_t length) {
    rondo::SeededPolicy policy(schedule_of(seed));
    std::vector<rondo::Fiber> fibers(kFibers);
    for (rondo::Fiber& fiber : fibers) {
        policy.ready(fiber);
    }
    std::vector<size_t> order;
    for (size_t i = 0; i < length; ++i) {
        rondo::Fiber* next = policy.next();
        order.push_back(static_cast<size_t>(next - fibers.data()));
        policy.ready(*next);
    }
    return order;
}

}  // namespace

TEST_CASE("each ready thread runs once") {
    for (uint64_t seed = 0; seed < 30; ++seed) {
        rondo::SeededPolicy policy(schedule_of(seed));
        std::vector<rondo::Fiber> fibers(200);
        CHECK(policy.empty());
        CHECK(policy.next() == nullptr);
        for (rondo::Fiber& fiber : fibers) {
            policy.ready(fiber);
        }
        std::set<rondo::Fiber*> ran;
        while (rondo::Fiber* next = policy.next()) {
            ran.insert(next);
        }
        REQUIRE(ran.size() == fibers.size());
        CHECK(policy.empty());
    }
}

TEST_CASE("a yield with nobody else ready keeps the thread") {
    rondo::SeededPolicy policy(schedule_of(1));
    std::vector<rondo::Fiber> fibers(2);
    CHECK(policy.exchange(fibers[0]) == &fibers[0]);
    CHECK(policy.empty());
    policy.ready(fibers[0]);
    CHECK(policy.exchange(fibers[1]) == &fibers[0]);
    CHECK(policy.next() == &fibers[1]);
}

TEST_CASE("a seed is one order, and other seeds are others") {
    std::set<std::vector<size_t>> orders;
    for (uint64_t seed = 0; seed < 90; ++seed) {
        std::vector<size_t> order = order_of(seed, 40);
        REQUIRE(order == order_of(seed, 40));
        orders.insert(order);
    }
    // By priorities alone, without a change, one thread runs for ever; there are six of those orders.
    CHECK(orders.size() > 60);
}

TEST_CASE("at random everybody runs soon") {
    for (uint64_t seed = 0; seed < 90; seed += 3) {
        std::vector<size_t> order = order_of(seed, 200);
        for (size_t fiber = 0; fiber < kFibers; ++fiber) {
            REQUIRE(std::count(order.begin(), order.end(), fiber) > 10);
        }
    }
}

TEST_CASE("by priorities one thread runs until a change") {
    for (uint64_t seed = 1; seed < 90; seed += 3) {
        std::vector<size_t> order = order_of(seed, 200);
        int switches = 0;
        for (size_t i = 1; i < order.size(); ++i) {
            switches += order[i] != order[i - 1] ? 1 : 0;
        }
        REQUIRE(switches <= 6);
    }
}

TEST_CASE("while a thread starves the others run") {
    int starved = 0;
    for (uint64_t seed = 2; seed < 90; seed += 3) {
        std::vector<size_t> order = order_of(seed, 400);
        size_t longest = 0;
        for (size_t fiber = 0; fiber < kFibers; ++fiber) {
            size_t gap = 0;
            for (size_t ran : order) {
                gap = ran == fiber ? 0 : gap + 1;
                longest = std::max(longest, gap);
            }
        }
        starved += longest > 60 ? 1 : 0;
    }
    CHECK(starved > 5);  // at random, a gap of 60 has a probability of 2e-5
}
