// SPDX-License-Identifier: Apache-2.0
//
// See virtual_clock.h. Settings that are wrong are told at the start; until then time is real.

#include "runtime/base/virtual_clock.h"

#include "runtime/base/settings.h"

extern char** environ;

namespace rondo {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kUptime = 1000 * kSecond;
constexpr int64_t kDate = 946'684'800 * kSecond;  // 2000-01-01T00:00:00Z

bool is_date(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM ||
           clock == CLOCK_TAI;
}

bool is_uptime(clockid_t clock) {
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM;
}

}  // namespace

constinit std::atomic<VirtualClock::State> VirtualClock::state_{State::unknown};
constinit std::atomic<int64_t> VirtualClock::elapsed_{0};

int64_t VirtualClock::now(clockid_t clock) {
    int64_t elapsed = elapsed_.load(std::memory_order_relaxed);
    return elapsed + (is_date(clock) ? kDate : is_uptime(clock) ? kUptime : 0);
}

void VirtualClock::restart() {
    state_.store(State::used, std::memory_order_relaxed);
    elapsed_.store(0, std::memory_order_relaxed);
}

bool VirtualClock::look() {
    Settings settings;
    char error[256];
    bool wanted = parse_settings(environ, settings, error, sizeof error) && settings.sched != SchedKind::fifo;
    state_.store(wanted ? State::used : State::unused, std::memory_order_relaxed);
    return wanted;
}

}  // namespace rondo
