// SPDX-License-Identifier: Apache-2.0
//
// The event loops' timer wheel: never early, late by one slot at most, later deadlines without a move, deadlines beyond
// the wheel's span, and nodes that are taken out while their slot is being emptied.
#include "bench/servers/timer_wheel.h"

#include <cstdlib>
#include <vector>

#include "support/test.h"

using twin::TimerNode;
using twin::TimerWheel;

namespace {

constexpr uint64_t kStart = 1'000'000;
constexpr uint64_t kSlot = 64;

// The time at which the node's deadline was reported, looking every 10 ms, or 0.
uint64_t reported_at(TimerWheel& wheel, const TimerNode& wanted, uint64_t from, uint64_t until) {
    for (uint64_t now = from; now <= until; now += 10) {
        bool found = false;
        wheel.expire(now, [&](TimerNode& node) { found = found || &node == &wanted; });
        if (found) return now;
    }
    return 0;
}

}  // namespace

TEST_CASE("a deadline is reported after it is past and within a slot") {
    for (uint64_t delay : {0, 1, 63, 64, 65, 1000, 32000, 33000, 40000, 100000}) {
        TimerWheel wheel(kStart);
        TimerNode node;
        wheel.set(node, kStart + delay);
        const uint64_t at = reported_at(wheel, node, kStart, kStart + delay + 1000);
        CAPTURE(delay);
        CHECK(at > kStart + delay);
        CHECK(at <= kStart + delay + 2 * kSlot + 10);
        CHECK_FALSE(node.armed());
    }
}

TEST_CASE("a deadline that moves back is met at the later time, one that moves forward at the earlier") {
    TimerWheel wheel(kStart);
    TimerNode later, earlier;
    wheel.set(later, kStart + 500);
    wheel.set(later, kStart + 5000);
    CHECK(reported_at(wheel, later, kStart, kStart + 9000) > kStart + 5000);
    wheel.set(earlier, kStart + 30000);
    wheel.set(earlier, kStart + 10000);
    const uint64_t at = reported_at(wheel, earlier, kStart + 9000, kStart + 20000);
    CHECK(at > kStart + 10000);
    CHECK(at < kStart + 10000 + 3 * kSlot);
}

TEST_CASE("the loop sleeps until the first slot and for ever when there is none") {
    TimerWheel wheel(kStart);
    TimerNode near, far;
    CHECK(wheel.sleep_ms(kStart) == -1);
    wheel.set(far, kStart + 20000);
    wheel.set(near, kStart + 1000);
    CHECK(wheel.sleep_ms(kStart) >= 1000);
    CHECK(wheel.sleep_ms(kStart) <= static_cast<int>(1000 + kSlot));
    wheel.cancel(near);
    wheel.expire(kStart + 2000, [](TimerNode&) { FAIL("nothing was due"); });
    CHECK(wheel.sleep_ms(kStart + 2000) >= 18000);
    wheel.cancel(far);
    wheel.expire(kStart + 30000, [](TimerNode&) { FAIL("nothing was due"); });
    CHECK(wheel.sleep_ms(kStart + 30000) == -1);
}

TEST_CASE("a node may be taken out or put in while its slot is emptied") {
    TimerWheel wheel(kStart);
    TimerNode a, b, c;
    for (TimerNode* node : {&a, &b, &c}) wheel.set(*node, kStart + 100);
    int reported = 0;
    wheel.expire(kStart + 300, [&](TimerNode& node) {
        ++reported;
        wheel.cancel(b);
        wheel.set(node, kStart + 400);
    });
    CHECK(reported == 2);
    CHECK_FALSE(b.armed());
    reported = 0;
    wheel.expire(kStart + 600, [&](TimerNode&) { ++reported; });
    CHECK(reported == 2);
}

TEST_CASE("ten thousand random deadlines are all met in time") {
    TimerWheel wheel(kStart);
    std::vector<TimerNode> nodes(10000);
    srand(7);
    for (TimerNode& node : nodes) wheel.set(node, kStart + static_cast<uint64_t>(rand() % 70000));
    for (TimerNode& node : nodes) wheel.set(node, kStart + static_cast<uint64_t>(rand() % 70000));
    size_t met = 0, wrong = 0;
    for (uint64_t now = kStart; now < kStart + 71000; now += 50) {
        wheel.expire(now, [&](TimerNode& node) {
            ++met;
            wrong += now <= node.deadline || now > node.deadline + 3 * kSlot;
        });
    }
    CHECK(met == nodes.size());
    CHECK(wrong == 0);
}
