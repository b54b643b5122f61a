// SPDX-License-Identifier: Apache-2.0
//
// Read-write locks: the C façade.

#include <cerrno>

#include "runtime/api/attributes.h"
#include "runtime/api/deadline.h"

using namespace rondo;

namespace {

// The lock, after the question whether others run before this call.
Rwlock& asked(rondo_rwlock_t* lock) {
    choice_point("rwlock");
    return as<Rwlock>(lock);
}

}  // namespace

extern "C" {

int rondo_rwlockattr_init(rondo_rwlockattr_t* attr) {
    as<int>(attr) = RONDO_RWLOCK_PREFER_READER;
    return 0;
}

int rondo_rwlockattr_destroy(rondo_rwlockattr_t*) { return 0; }

int rondo_rwlockattr_setkind_np(rondo_rwlockattr_t* attr, int kind) {
    if (kind < RONDO_RWLOCK_PREFER_READER || kind > RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE) {
        return EINVAL;
    }
    as<int>(attr) = kind;
    return 0;
}

int rondo_rwlockattr_getkind_np(const rondo_rwlockattr_t* attr, int* kind) {
    *kind = as<int>(attr);
    return 0;
}

int rondo_rwlockattr_setpshared(rondo_rwlockattr_t*, int pshared) {
    return pshared == RONDO_PROCESS_PRIVATE ? 0 : pshared == RONDO_PROCESS_SHARED ? ENOTSUP : EINVAL;
}

int rondo_rwlockattr_getpshared(const rondo_rwlockattr_t*, int* pshared) {
    *pshared = RONDO_PROCESS_PRIVATE;
    return 0;
}

int rondo_rwlock_init(rondo_rwlock_t* lock, const rondo_rwlockattr_t* attr) {
    int kind = attr != nullptr ? as<int>(attr) : RONDO_RWLOCK_PREFER_READER;
    as<Rwlock>(lock).init(static_cast<RwlockKind>(kind));
    return 0;
}

int rondo_rwlock_destroy(rondo_rwlock_t* lock) { return as<Rwlock>(lock).destroy(); }

int rondo_rwlock_rdlock(rondo_rwlock_t* lock) { return asked(lock).lock_read({}); }

int rondo_rwlock_tryrdlock(rondo_rwlock_t* lock) { return asked(lock).try_lock_read(); }

int rondo_rwlock_timedrdlock(rondo_rwlock_t* lock, const struct timespec* realtime_deadline) {
    return asked(lock).lock_read(deadline_of(CLOCK_REALTIME, realtime_deadline));
}

int rondo_rwlock_clockrdlock(rondo_rwlock_t* lock, clockid_t clock, const struct timespec* deadline) {
    return is_supported_clock(clock) ? asked(lock).lock_read(deadline_of(clock, deadline)) : EINVAL;
}

int rondo_rwlock_wrlock(rondo_rwlock_t* lock) { return asked(lock).lock_write({}); }

int rondo_rwlock_trywrlock(rondo_rwlock_t* lock) { return asked(lock).try_lock_write(); }

int rondo_rwlock_timedwrlock(rondo_rwlock_t* lock, const struct timespec* realtime_deadline) {
    return asked(lock).lock_write(deadline_of(CLOCK_REALTIME, realtime_deadline));
}

int rondo_rwlock_clockwrlock(rondo_rwlock_t* lock, clockid_t clock, const struct timespec* deadline) {
    return is_supported_clock(clock) ? asked(lock).lock_write(deadline_of(clock, deadline)) : EINVAL;
}

int rondo_rwlock_unlock(rondo_rwlock_t* lock) { return asked(lock).unlock(); }

}  // extern "C"
