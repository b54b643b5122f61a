// SPDX-License-Identifier: Apache-2.0
//
// The API's edge for time: an absolute timespec on a clock becomes a Deadline. A time that POSIX calls invalid becomes
// an invalid deadline, which fails with EINVAL only where the call would wait.
#pragma once

#include "runtime/core/waiter.h"

namespace rondo {

inline bool is_supported_clock(clockid_t clock) { return clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME; }

inline Deadline deadline_of(clockid_t clock, const timespec* time) {
    if (time == nullptr || !is_valid(*time) || !is_supported_clock(clock)) {
        return {Deadline::kInvalid, CLOCK_MONOTONIC};
    }
    return {to_ns(*time), clock};
}

}  // namespace rondo
