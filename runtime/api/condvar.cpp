// SPDX-License-Identifier: Apache-2.0
//
// Condition variables and barriers: the C façade.

#include <cerrno>

#include "runtime/api/attributes.h"
#include "runtime/api/deadline.h"

using namespace rondo;

namespace {

int wait_until(rondo_cond_t* cond, rondo_mutex_t* mutex, clockid_t clock, const timespec* time) {
    Deadline deadline = deadline_of(clock, time);
    return deadline.invalid() ? EINVAL : as<Condvar>(cond).wait(as<Mutex>(mutex), deadline);
}

// The clock's number, and a bit for those between processes.
constexpr int kClockMask = 0xff;
constexpr int kShared = 0x100;

int only_private(int pshared) {
    return pshared == RONDO_PROCESS_PRIVATE ? 0 : pshared == RONDO_PROCESS_SHARED ? ENOTSUP : EINVAL;
}

}  // namespace

extern "C" {

int rondo_condattr_init(rondo_condattr_t* attr) {
    as<clockid_t>(attr) = CLOCK_REALTIME;
    return 0;
}

int rondo_condattr_destroy(rondo_condattr_t*) { return 0; }

int rondo_condattr_setclock(rondo_condattr_t* attr, clockid_t clock) {
    if (!is_supported_clock(clock)) {
        return EINVAL;
    }
    as<int>(attr) = clock | (as<int>(attr) & kShared);
    return 0;
}

int rondo_condattr_getclock(const rondo_condattr_t* attr, clockid_t* clock) {
    *clock = as<int>(attr) & kClockMask;
    return 0;
}

int rondo_condattr_setpshared(rondo_condattr_t* attr, int pshared) {
    if (pshared != RONDO_PROCESS_PRIVATE && pshared != RONDO_PROCESS_SHARED) {
        return EINVAL;
    }
    as<int>(attr) = (as<int>(attr) & kClockMask) | (pshared == RONDO_PROCESS_SHARED ? kShared : 0);
    return 0;
}

int rondo_condattr_getpshared(const rondo_condattr_t* attr, int* pshared) {
    *pshared = (as<int>(attr) & kShared) != 0 ? RONDO_PROCESS_SHARED : RONDO_PROCESS_PRIVATE;
    return 0;
}

int rondo_cond_init(rondo_cond_t* cond, const rondo_condattr_t* attr) {
    int wanted = attr != nullptr ? as<int>(attr) : CLOCK_REALTIME;
    as<Condvar>(cond).init(wanted & kClockMask, (wanted & kShared) != 0);
    return 0;
}

int rondo_cond_destroy(rondo_cond_t* cond) { return as<Condvar>(cond).destroy(); }

int rondo_cond_wait(rondo_cond_t* cond, rondo_mutex_t* mutex) { return as<Condvar>(cond).wait(as<Mutex>(mutex), {}); }

int rondo_cond_timedwait(rondo_cond_t* cond, rondo_mutex_t* mutex, const struct timespec* deadline) {
    return wait_until(cond, mutex, as<Condvar>(cond).clock(), deadline);
}

int rondo_cond_clockwait(rondo_cond_t* cond, rondo_mutex_t* mutex, clockid_t clock, const struct timespec* deadline) {
    return wait_until(cond, mutex, clock, deadline);
}

int rondo_cond_signal(rondo_cond_t* cond) {
    choice_point("cond_signal");
    as<Condvar>(cond).signal();
    return 0;
}

int rondo_cond_broadcast(rondo_cond_t* cond) {
    choice_point("cond_broadcast");
    as<Condvar>(cond).broadcast();
    return 0;
}

int rondo_barrierattr_init(rondo_barrierattr_t* attr) {
    as<int>(attr) = RONDO_PROCESS_PRIVATE;
    return 0;
}

int rondo_barrierattr_destroy(rondo_barrierattr_t*) { return 0; }

int rondo_barrierattr_setpshared(rondo_barrierattr_t*, int pshared) { return only_private(pshared); }

int rondo_barrierattr_getpshared(const rondo_barrierattr_t*, int* pshared) {
    *pshared = RONDO_PROCESS_PRIVATE;
    return 0;
}

int rondo_barrier_init(rondo_barrier_t* barrier, const rondo_barrierattr_t*, unsigned count) {
    if (count == 0) {
        return EINVAL;
    }
    as<Barrier>(barrier).init(count);
    return 0;
}

int rondo_barrier_destroy(rondo_barrier_t* barrier) { return as<Barrier>(barrier).destroy(); }

int rondo_barrier_wait(rondo_barrier_t* barrier) {
    choice_point("barrier");
    return as<Barrier>(barrier).wait() ? RONDO_BARRIER_SERIAL_THREAD : 0;
}

}  // extern "C"
