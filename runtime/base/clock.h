// SPDX-License-Identifier: Apache-2.0
//
// Time inside the runtime: absolute nanoseconds of CLOCK_MONOTONIC. Relative time exists only at the API's edge.
// What waits on behalf of the program uses now_ns() and clock_now(), the program's own clocks (virtual_clock.h); what
// the runtime does for itself on kernel threads uses real_now_ns(). ticks() is the time stamp counter: the one clock
// cheap enough for calls that do not park.
#pragma once

#include <time.h>

#include <cstdint>

#include "runtime/base/real.h"
#include "runtime/base/virtual_clock.h"

namespace rondo {

using Nanoseconds = int64_t;
constexpr Nanoseconds kNever = INT64_MAX;
constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kMillisecond = 1'000'000;

inline Nanoseconds real_clock_now(clockid_t clock) {
    timespec now;
    real::functions().clock_gettime(clock, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
}

inline Nanoseconds real_now_ns() { return real_clock_now(CLOCK_MONOTONIC); }

inline Nanoseconds clock_now(clockid_t clock) {
    return VirtualClock::used() ? VirtualClock::now(clock) : real_clock_now(clock);
}

inline Nanoseconds now_ns() { return clock_now(CLOCK_MONOTONIC); }

// Saturates instead of overflowing: a deadline centuries away is "never".
inline Nanoseconds to_ns(const timespec& time) {
    if (time.tv_sec >= kNever / kSecond) {
        return kNever;
    }
    return time.tv_sec < 0 ? 0 : time.tv_sec * kSecond + time.tv_nsec;
}

inline Nanoseconds add_ns(Nanoseconds a, Nanoseconds b) { return b > 0 && a > kNever - b ? kNever : a + b; }

// A point in time of the program's clock as the kernel's clock will have it.
inline Nanoseconds in_kernel_time(Nanoseconds at, clockid_t clock) {
    return VirtualClock::used() ? add_ns(real_clock_now(clock), at - VirtualClock::now(clock)) : at;
}

inline timespec to_timespec(Nanoseconds ns) { return {ns / kSecond, ns % kSecond}; }

inline bool is_valid(const timespec& time) { return time.tv_nsec >= 0 && time.tv_nsec < kSecond; }

inline uint64_t ticks() { return __builtin_ia32_rdtsc(); }

}  // namespace rondo
