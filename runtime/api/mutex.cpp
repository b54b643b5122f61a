// SPDX-License-Identifier: Apache-2.0
//
// Mutexes, spin locks and once: the C façade.

#include <cerrno>

#include "runtime/api/attributes.h"
#include "runtime/api/deadline.h"
#include "runtime/sync/spin.h"

using namespace rondo;

namespace {

// The low bits of the attribute word, where glibc keeps the type as well.
constexpr int kTypeMask = 3;
constexpr int kShared = 128;

Mutex& inner(rondo_mutex_t* mutex) { return as<Mutex>(mutex); }

Spinlock& inner(rondo_spinlock_t* lock) { return *reinterpret_cast<Spinlock*>(const_cast<int*>(lock)); }

}  // namespace

extern "C" {

int rondo_mutexattr_init(rondo_mutexattr_t* attr) {
    as<int>(attr) = RONDO_MUTEX_NORMAL;
    return 0;
}

int rondo_mutexattr_destroy(rondo_mutexattr_t*) { return 0; }

int rondo_mutexattr_settype(rondo_mutexattr_t* attr, int type) {
    if (type < RONDO_MUTEX_NORMAL || type > RONDO_MUTEX_ADAPTIVE) {
        return EINVAL;
    }
    as<int>(attr) = type | (as<int>(attr) & kShared);
    return 0;
}

int rondo_mutexattr_gettype(const rondo_mutexattr_t* attr, int* type) {
    *type = as<int>(attr) & kTypeMask;
    return 0;
}

int rondo_mutexattr_setpshared(rondo_mutexattr_t* attr, int pshared) {
    if (pshared != RONDO_PROCESS_PRIVATE && pshared != RONDO_PROCESS_SHARED) {
        return EINVAL;
    }
    as<int>(attr) = (as<int>(attr) & kTypeMask) | (pshared == RONDO_PROCESS_SHARED ? kShared : 0);
    return 0;
}

int rondo_mutexattr_getpshared(const rondo_mutexattr_t* attr, int* pshared) {
    *pshared = (as<int>(attr) & kShared) != 0 ? RONDO_PROCESS_SHARED : RONDO_PROCESS_PRIVATE;
    return 0;
}

int rondo_mutex_init(rondo_mutex_t* mutex, const rondo_mutexattr_t* attr) {
    int wanted = attr != nullptr ? as<int>(attr) : RONDO_MUTEX_NORMAL;
    inner(mutex).init(static_cast<MutexKind>(wanted & kTypeMask), (wanted & kShared) != 0);
    return 0;
}

int rondo_mutex_destroy(rondo_mutex_t* mutex) { return inner(mutex).destroy(); }

int rondo_mutex_lock(rondo_mutex_t* mutex) { return inner(mutex).lock({}); }

int rondo_mutex_trylock(rondo_mutex_t* mutex) {
    choice_point("mutex_trylock");
    return inner(mutex).try_lock();
}

int rondo_mutex_timedlock(rondo_mutex_t* mutex, const struct timespec* realtime_deadline) {
    return inner(mutex).lock(deadline_of(CLOCK_REALTIME, realtime_deadline));
}

int rondo_mutex_clocklock(rondo_mutex_t* mutex, clockid_t clock, const struct timespec* deadline) {
    return is_supported_clock(clock) ? inner(mutex).lock(deadline_of(clock, deadline)) : EINVAL;
}

int rondo_mutex_unlock(rondo_mutex_t* mutex) { return inner(mutex).unlock(); }

int rondo_spin_init(rondo_spinlock_t* lock, int) {
    *lock = 0;
    return 0;
}

int rondo_spin_destroy(rondo_spinlock_t*) { return 0; }

int rondo_spin_lock(rondo_spinlock_t* lock) {
    choice_point("spin_lock");
    spin_lock(inner(lock));
    return 0;
}

int rondo_spin_trylock(rondo_spinlock_t* lock) {
    choice_point("spin_trylock");
    if (inner(lock).try_lock()) {
        return 0;
    }
    if (self_ != nullptr) {
        self_->yield_current();
    }
    return EBUSY;
}

int rondo_spin_unlock(rondo_spinlock_t* lock) {
    inner(lock).unlock();
    choice_point("spin_unlock");
    return 0;
}

int rondo_once(rondo_once_t* once, void (*routine)(void)) {
    as<Once>(once).call(routine);
    return 0;
}

}  // extern "C"
