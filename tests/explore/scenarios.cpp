// SPDX-License-Identifier: Apache-2.0
//
// The list of scenarios, and those that are broken on purpose: the runner's test plays them to see that each kind of
// failure is told with its seed.
#include "scenarios.h"

#include <unistd.h>

#include "runtime/base/sanitizer.h"

namespace rondo::explore {

namespace {

#if defined(RONDO_TSAN)
constexpr unsigned kForks = 0;  // it has no threads in a forked child
#else
constexpr unsigned kForks = 100;  // a child with a runtime of its own costs milliseconds
#endif
constexpr unsigned kForeign = 10;   // a kernel thread costs a tenth of one
constexpr unsigned kRealTime = 10;  // an epoll set may lead outside, where time does not jump

constexpr Scenario kScenarios[] = {
    {"futex_vanish", futex_vanish},
    {"futex_count", futex_count},
    {"futex_requeue", futex_requeue},
    {"mutex_count", mutex_count},
    {"mutex_levels", mutex_levels},
    {"mutex_owner", mutex_owner},
    {"mutex_handover", mutex_handover},
    {"cond_flag", cond_flag},
    {"cond_broadcast", cond_broadcast},
    {"cond_queue", cond_queue},
    {"cond_turns", cond_turns},
    {"rwlock_pair", rwlock_pair},
    {"rwlock_share", rwlock_share},
    {"sem_tokens", sem_tokens},
    {"sem_vanish", sem_vanish},
    {"sem_turns", sem_turns},
    {"barrier_rounds", barrier_rounds},
    {"once_cancel", once_cancel},
    {"key_destructors", key_destructors},
    {"sleeps", sleeps},
    {"join_ends", join_ends},
    {"join_cancelled", join_cancelled},
    {"detach_all", detach_all},
    {"cancel_waits", cancel_waits},
    {"cancel_disabled", cancel_disabled},
    {"stream", stream},
    {"receive_interrupted", receive_interrupted},
    {"send_interrupted", send_interrupted},
    {"accept_cancelled", accept_cancelled},
    {"poll_many", poll_many},
    {"poll_beside_read", poll_beside_read},
    {"epoll_shared", epoll_shared, kRealTime},
    {"close_listener", close_listener},
    {"close_readers", close_readers},
    {"close_reuse", close_reuse},
    {"close_waiters", close_waiters},
    {"signal_waits", signal_waits},
    {"signal_queue", signal_queue},
    {"storm", storm},
    {"foreign_turns", foreign_turns, kForeign},
    {"fork_both_ends", fork_both_ends, kForks, true},
};

// Fails under some schedules only: a check and an act that a switch may separate.
void broken_count(Random&) {
    int total = 0;
    Crew crew;
    for (int i = 0; i < 2; ++i) {
        crew.add([&total] {
            int before = total;
            rondo_yield();
            total = before + 1;
        });
    }
    crew.join();
    expect_equal(total, 2, "an unguarded count");
}

void broken_wait(Random&) {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    Crew crew;
    crew.add([&sem] { rondo_sem_wait(&sem); });
}

void broken_page(Random&) {
    Vanishing<int> page;
    page.vanish();
    *page = 1;
}

void broken_end(Random&) { _exit(3); }

constexpr Scenario kBroken[] = {
    {"broken_count", broken_count},
    {"broken_wait", broken_wait},
    {"broken_page", broken_page},
    {"broken_end", broken_end},
};

}  // namespace

std::span<const Scenario> scenarios() { return kScenarios; }

std::span<const Scenario> broken_scenarios() { return kBroken; }

}  // namespace rondo::explore
