// SPDX-License-Identifier: Apache-2.0
//
// See player.h. The first thread starts the runtime, with one worker and the seeded policy; the calling thread becomes
// one of the schedule's, and each round begins and ends with it alone.
#include "player.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "runtime/system/runtime.h"

namespace rondo::explore {

namespace {

constexpr int kSettleYields = 1'000;

rondo_stats stats() {
    rondo_stats now;
    rondo_get_stats(&now);
    return now;
}

int lowest_free_descriptor() {
    int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return fd;
}

// Detached threads may still have to end.
void expect_nothing_left(uint64_t stacks, int lowest_free) {
    rondo_stats now = stats();
    for (int i = 0; now.live_threads > 1 && i < kSettleYields; ++i) {
        rondo_yield();
        now = stats();
    }
    expect_equal(static_cast<long>(now.live_threads), 1, "threads at the end");
    expect_equal(static_cast<long>(now.live_stacks), static_cast<long>(stacks), "stacks at the end");
    expect_equal(static_cast<long>(now.armed_timers), 0, "armed timers at the end");
    expect_equal(static_cast<long>(now.pending_io), 0, "pending operations at the end");
    expect_equal(lowest_free_descriptor(), lowest_free, "the lowest free descriptor at the end");
}

void dump_and_end(int) {
    rondo_dump(2);
    _exit(1);
}

void* do_nothing(void*) { return nullptr; }

// One worker; the main thread becomes a thread of the schedule here.
void start(uint64_t seed) {
    signal(SIGPIPE, SIG_IGN);
    setenv("RONDO_WORKERS", "1", 1);
    setenv("RONDO_SCHED", ("seed:" + std::to_string(seed)).c_str(), 1);
    rondo_t thread;
    expect_equal(rondo_create(&thread, nullptr, do_nothing, nullptr), 0, "rondo_create");
    expect_equal(rondo_join(thread, nullptr), 0, "rondo_join");
    signal(SIGQUIT, dump_and_end);  // from here on, for the runtime would run it on a thread
}

void play_one(const Scenario& scenario, uint64_t seed, Progress& progress) {
    progress.seed.store(seed);
    progress.scenario.store(&scenario);
    progress.rounds.fetch_add(1);
    restart_schedule(seed);
    Random random(seed);
    scenario.play(random);
}

bool takes_part(const Scenario& scenario, const Part& part, uint64_t seed, bool last) {
    if (part.only != nullptr) return part.only == &scenario && !last;
    return scenario.last == last && scenario.one_in != 0 && seed % scenario.one_in == 0;
}

}  // namespace

void play(const Part& part, Progress& progress) {
    start(part.first);
    const uint64_t stacks = stats().live_stacks;
    const int lowest_free = lowest_free_descriptor();
    auto play_group = [&](std::span<const Scenario> group, uint64_t seed, bool last) {
        for (const Scenario& each : group) {
            if (!takes_part(each, part, seed, last)) continue;
            play_one(each, seed, progress);
            expect_nothing_left(stacks, lowest_free);
        }
    };
    for (bool last : {false, true}) {
        for (uint64_t seed = part.first; seed - part.first <= part.last - part.first; ++seed) {
            play_group(scenarios(), seed, last);
            if (part.only != nullptr) play_group(broken_scenarios(), seed, last);
        }
    }
}

}  // namespace rondo::explore
