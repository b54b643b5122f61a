// SPDX-License-Identifier: Apache-2.0
//
// First come, first served, against a deque.

#include "runtime/sched/fifo_policy.h"

#include <deque>
#include <random>

#include "support/test.h"

TEST_CASE("threads run in the order in which they became ready") {
    std::mt19937 random(7);
    std::vector<rondo::Fiber> fibers(50);
    std::deque<rondo::Fiber*> idle;
    std::deque<rondo::Fiber*> model;
    for (rondo::Fiber& fiber : fibers) {
        idle.push_back(&fiber);
    }
    rondo::FifoPolicy policy;
    CHECK(policy.empty());
    CHECK(policy.next() == nullptr);
    for (int step = 0; step < 20000; ++step) {
        if (random() % 4 == 0 && !idle.empty()) {
            model.push_back(idle.front());
            idle.pop_front();
            REQUIRE(policy.exchange(*model.back()) == model.front());
            idle.push_back(model.front());
            model.pop_front();
        } else if (random() % 2 == 0 && !idle.empty()) {
            policy.ready(*idle.front());
            model.push_back(idle.front());
            idle.pop_front();
        } else {
            rondo::Fiber* expected = model.empty() ? nullptr : model.front();
            REQUIRE(policy.next() == expected);
            if (expected != nullptr) {
                model.pop_front();
                idle.push_back(expected);
            }
        }
        REQUIRE(policy.empty() == model.empty());
    }
}
