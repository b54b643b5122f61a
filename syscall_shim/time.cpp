// SPDX-License-Identifier: Apache-2.0
// time family: sleeping, and reading clocks. A Rondo thread parks on the worker's timers; any other kernel thread
// sleeps in libc, unless time is the schedule's (RONDO_SCHED=seed:N): then a sleep before the start takes none.
//
// clock_nanosleep returns its error; the others set errno, as POSIX has it. thrd_sleep is in c11_threads.cpp.
#include <sys/time.h>
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
RONDO_REAL(time);
RONDO_REAL(gettimeofday);
RONDO_REAL(timespec_get);
RONDO_REAL(clock);

bool is_ours() { return on_thread() || rondo_virtual_time() != 0; }

}  // namespace

RONDO_EXPORT(unsigned, sleep, (unsigned seconds)) { return is_ours() ? rondo_sleep(seconds) : real_sleep(seconds); }

RONDO_EXPORT(int, usleep, (useconds_t microseconds)) {
    return is_ours() ? rondo_usleep(microseconds) : real_usleep(microseconds);
}

RONDO_EXPORT(int, nanosleep, (const timespec* duration, timespec* remaining)) {
    return is_ours() ? rondo_nanosleep(duration, remaining) : real_nanosleep(duration, remaining);
}
RONDO_ALIAS(__nanosleep, nanosleep);

RONDO_EXPORT(int, clock_nanosleep, (clockid_t clock, int flags, const timespec* time, timespec* remaining)) {
    return is_ours() ? rondo_clock_nanosleep(clock, flags, time, remaining)
                     : real_clock_nanosleep(clock, flags, time, remaining);
}

// Clocks are libc's own, unless they are the schedule's.
RONDO_EXPORT(int, clock_gettime, (clockid_t clock, timespec* time)) { return rondo_clock_gettime(clock, time); }

RONDO_EXPORT(time_t, time, (time_t * out)) {
    if (rondo_virtual_time() == 0) return real_time(out);
    timespec now;
    rondo_clock_gettime(CLOCK_REALTIME, &now);
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}

RONDO_EXPORT(int, gettimeofday, (timeval * time, void* zone)) {
    if (rondo_virtual_time() == 0) return real_gettimeofday(time, zone);
    timespec now;
    rondo_clock_gettime(CLOCK_REALTIME, &now);
    *time = {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
RONDO_ALIAS(__gettimeofday, gettimeofday);

RONDO_EXPORT(int, timespec_get, (timespec * time, int base)) {
    if (rondo_virtual_time() == 0 || base != TIME_UTC) return real_timespec_get(time, base);
    rondo_clock_gettime(CLOCK_REALTIME, time);
    return base;
}

RONDO_EXPORT(clock_t, clock, ()) {
    if (rondo_virtual_time() == 0) return real_clock();
    timespec now;
    rondo_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * CLOCKS_PER_SEC + now.tv_nsec / (1'000'000'000 / CLOCKS_PER_SEC);
}
