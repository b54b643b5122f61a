// SPDX-License-Identifier: Apache-2.0
//
// The time of the stress is the system's. tests/explore links the same harness with a clock of its own, which is the
// seeded schedule's.

#include "stress.h"

namespace rondo::stress {

int64_t now_ns(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace rondo::stress
