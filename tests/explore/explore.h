// SPDX-License-Identifier: Apache-2.0
//
// Scenarios that are played under seeded schedules. Each is one function: a few threads and a few dozen calls, drawn
// from the seed, that end whatever the schedule is. The schedule, its times and its injected events are drawn from the
// same seed by the runtime (RONDO_SCHED=seed:N). What a lost or doubled wake-up, a stale registration, a late touch or
// a wrong order would break is counted or compared; the object under test lies in a page that its last user unmaps.
//
// The harness is that of tests/stress (crews, vanishing pages, accounts). Other than there, one round is alone in the
// process, so that it depends on nothing but its seed, and a round that cannot go on is seen at once.
//
// Alternative rejected: playing the stress's own rounds. They are ten times longer, for a schedule that is not
// repeated must be tried many times, and a failure in a long round says less.
#pragma once

#include "../stress/stress.h"

namespace rondo::explore {

using stress::at;
using stress::Crew;
using stress::expect;
using stress::expect_equal;
using stress::init_mutex;
using stress::MutexGuard;
using stress::now_ns;
using stress::Random;
using stress::soon;
using stress::Vanishing;

// Deadlines and sleeps of a scenario lie within this span of the schedule's time.
constexpr int kSpanUs = 40;

// Nothing, some yields, or a short sleep: moves the threads of a round against each other.
void pause(Random& random);

// A handler for SIGUSR1 while it lives. Calls of rounds that have none are not interrupted.
struct Handler {
    Handler(void (*run)(int), int flags);
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    ~Handler();
};

// A duration within the span.
timespec brief(Random& random);

struct Ends {
    int in, out;
};
Ends some_pipe(Random& random);  // a pipe or a socket pair
Ends socket_pair();
void close_both(Ends ends);
void write_byte(int fd);  // also where a handler interrupts it
void close_fd(int fd);

struct Scenario {
    const char* name;
    void (*play)(Random&);
    unsigned one_in = 1;  // dear ones are played by every so many seeds only; 0: by none
    bool last = false;    // when all seeds have played the others: it changes what is left of the process
};

// All of them, one list a concept.
std::span<const Scenario> scenarios();

// Not among them: scenarios that fail, for the test of the runner.
std::span<const Scenario> broken_scenarios();

}  // namespace rondo::explore
