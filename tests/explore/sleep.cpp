// SPDX-License-Identifier: Apache-2.0
//
// Sleeps on each clock: none ends early, none is missed, and a cancelled sleeper leaves no timer.
#include "scenarios.h"

namespace rondo::explore {

namespace {

void sleep_once(Random& random) {
    clockid_t clock = random.one_in(2) ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int64_t length = random.below(2 * kSpanUs) * 1'000LL;
    int64_t start = now_ns(clock);
    timespec relative = at(length), absolute = at(start + length);
    switch (random.below(5)) {
        case 0:
            expect_equal(rondo_nanosleep(&relative, nullptr), 0, "nanosleep");
            break;
        case 1:
            expect_equal(rondo_clock_nanosleep(clock, 0, &relative, nullptr), 0, "clock_nanosleep");
            break;
        case 2:
            expect_equal(rondo_clock_nanosleep(clock, TIMER_ABSTIME, &absolute, nullptr), 0, "clock_nanosleep");
            break;
        case 3:
            expect_equal(rondo_usleep(static_cast<unsigned>(length / 1'000)), 0, "usleep");
            break;
        default:
            length = 1'000'000;
            expect_equal(rondo_poll(nullptr, 0, 1), 0, "poll as a sleep");
    }
    expect(now_ns(clock) - start >= length, "a sleep does not end early");
}

// A day may pass in no time.
void sleep_for_ever() {
    timespec day{86'400, 0};
    while (true) rondo_nanosleep(&day, nullptr);
}

}  // namespace

void sleeps(Random& random) {
    Crew crew;
    const size_t victims = static_cast<size_t>(random.below(3));
    for (size_t i = 0; i < victims; ++i) crew.add(sleep_for_ever);
    for (int i = 1 + random.below(4); i > 0; --i) {
        crew.add([own = random.split()]() mutable {
            for (int round = own.below(3); round >= 0; --round) sleep_once(own);
        });
    }
    for (size_t i = 0; i < victims; ++i) {
        pause(random);
        crew.cancel(i);
        expect(crew.join(i), "a cancelled sleeper is cancelled");
    }
}

}  // namespace rondo::explore
