// SPDX-License-Identifier: Apache-2.0
//
// Reading clocks: the C façade. Under a schedule of choices a program that only reads the clock must not keep the
// others from running, nor wait for ever for a time that does not come: each reading takes a step, and others may run.

#include "runtime/base/clock.h"

#include <cerrno>

#include "runtime/core/choice.h"
#include "runtime/include/rondo/rondo.h"

using namespace rondo;

extern "C" {

int rondo_virtual_time(void) { return VirtualClock::used() ? 1 : 0; }

int rondo_clock_gettime(clockid_t clock, struct timespec* time) {
    if (!VirtualClock::used()) {
        return real::functions().clock_gettime(clock, time);
    }
    choice_point("clock_gettime");
    VirtualClock::step();
    *time = to_timespec(VirtualClock::now(clock));
    return 0;
}

}  // extern "C"
