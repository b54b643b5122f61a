// SPDX-License-Identifier: Apache-2.0
//
// The queue of waiting signals: by number, first come first served within one, and only what is asked for.

#include "runtime/core/signal_state.h"

#include "support/test.h"

namespace {

using rondo::signal_bit;
using rondo::SignalQueue;
using rondo::SignalSet;

constexpr SignalSet kAny = ~SignalSet{0};

siginfo_t numbered(int number, int value) {
    siginfo_t info{};
    info.si_signo = number;
    info.si_value.sival_int = value;
    return info;
}

}  // namespace

TEST_CASE("signals come by number, then in order of arrival") {
    SignalQueue queue;
    for (int i = 0; i < 3; ++i) {
        for (int number : {40, 10, 64}) {
            REQUIRE(queue.push(numbered(number, i)));
        }
    }
    CHECK(queue.set() == (signal_bit(10) | signal_bit(40) | signal_bit(64)));
    siginfo_t info;
    for (int number : {10, 40, 64}) {
        for (int i = 0; i < 3; ++i) {
            REQUIRE(queue.take(kAny, info));
            CHECK(info.si_signo == number);
            CHECK(info.si_value.sival_int == i);
        }
    }
    CHECK(queue.set() == 0);
    CHECK_FALSE(queue.take(kAny, info));
}

TEST_CASE("only the wanted ones are taken") {
    SignalQueue queue;
    queue.push(numbered(2, 1));
    queue.push(numbered(15, 2));
    queue.push(numbered(15, 3));
    siginfo_t info;
    CHECK_FALSE(queue.take(signal_bit(1), info));
    REQUIRE(queue.take(signal_bit(15) | signal_bit(20), info));
    CHECK(info.si_value.sival_int == 2);
    CHECK((queue.set() & signal_bit(15)) != 0);
    REQUIRE(queue.take(~signal_bit(2), info));
    CHECK(queue.set() == signal_bit(2));
    queue.clear();
    CHECK(queue.set() == 0);
    CHECK_FALSE(queue.take(kAny, info));
}

TEST_CASE("a full pool refuses, and has room again") {
    SignalQueue queue;
    int pushed = 0;
    while (queue.push(numbered(34, pushed))) {
        ++pushed;
    }
    CHECK(pushed > 10000);
    siginfo_t info;
    REQUIRE(queue.take(kAny, info));
    CHECK(info.si_value.sival_int == 0);
    CHECK(queue.push(numbered(34, 0)));
    queue.clear();
}
