// SPDX-License-Identifier: Apache-2.0
// time family: sleeping. A Rondo thread parks on the worker's timers; any other kernel thread sleeps in libc.
//
// clock_nanosleep returns its error; the others set errno, as POSIX has it. thrd_sleep is in c11_threads.cpp.
#include <time.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(sleep);
RONDO_REAL(usleep);
RONDO_REAL(nanosleep);
RONDO_REAL(clock_nanosleep);

}  // namespace

RONDO_EXPORT(unsigned, sleep, (unsigned seconds)) { return on_thread() ? rondo_sleep(seconds) : real_sleep(seconds); }

RONDO_EXPORT(int, usleep, (useconds_t microseconds)) {
    return on_thread() ? rondo_usleep(microseconds) : real_usleep(microseconds);
}

RONDO_EXPORT(int, nanosleep, (const timespec* duration, timespec* remaining)) {
    return on_thread() ? rondo_nanosleep(duration, remaining) : real_nanosleep(duration, remaining);
}
RONDO_ALIAS(__nanosleep, nanosleep);

RONDO_EXPORT(int, clock_nanosleep, (clockid_t clock, int flags, const timespec* time, timespec* remaining)) {
    return on_thread() ? rondo_clock_nanosleep(clock, flags, time, remaining)
                       : real_clock_nanosleep(clock, flags, time, remaining);
}
