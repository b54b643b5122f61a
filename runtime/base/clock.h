// SPDX-License-Identifier: Apache-2.0
//
// Time inside the runtime: absolute nanoseconds of CLOCK_MONOTONIC. Relative time exists only at the API's edge.
// clock_gettime is libc's vDSO call, which the shim leaves alone. ticks() is the time stamp counter: the one clock
// cheap enough for calls that do not park.
#pragma once

#include <time.h>

#include <cstdint>

namespace rondo {

using Nanoseconds = int64_t;
constexpr Nanoseconds kNever = INT64_MAX;
constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr Nanoseconds kMillisecond = 1'000'000;

inline Nanoseconds clock_now(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * kSecond + now.tv_nsec;
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

inline timespec to_timespec(Nanoseconds ns) { return {ns / kSecond, ns % kSecond}; }

inline bool is_valid(const timespec& time) { return time.tv_nsec >= 0 && time.tv_nsec < kSecond; }

inline uint64_t ticks() { return __builtin_ia32_rdtsc(); }

}  // namespace rondo
