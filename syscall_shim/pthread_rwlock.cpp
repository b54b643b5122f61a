// SPDX-License-Identifier: Apache-2.0
// pthread family: reader-writer locks and their attributes.
//
// Always the runtime's, on every thread; the values of the kinds and of the static initialisers are those of libc's
// header, which the runtime asserts.
#include "export.h"
#include "guard.h"

using namespace rondo::shim;

RONDO_EXPORT(int, pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t* attr)) {
    return rondo_rwlock_init(as_rondo(lock), as_rondo(attr));
}
RONDO_ALIAS(__pthread_rwlock_init, pthread_rwlock_init);

RONDO_EXPORT(int, pthread_rwlock_destroy, (pthread_rwlock_t * lock)) { return rondo_rwlock_destroy(as_rondo(lock)); }
RONDO_ALIAS(__pthread_rwlock_destroy, pthread_rwlock_destroy);

RONDO_EXPORT(int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock)) { return rondo_rwlock_rdlock(as_rondo(lock)); }
RONDO_ALIAS(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);

RONDO_EXPORT(int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock)) {
    return rondo_rwlock_tryrdlock(as_rondo(lock));
}
RONDO_ALIAS(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);

RONDO_EXPORT(int, pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const timespec* deadline)) {
    return rondo_rwlock_timedrdlock(as_rondo(lock), deadline);
}

RONDO_EXPORT(int, pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* deadline)) {
    return rondo_rwlock_clockrdlock(as_rondo(lock), clock, deadline);
}

RONDO_EXPORT(int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock)) { return rondo_rwlock_wrlock(as_rondo(lock)); }
RONDO_ALIAS(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);

RONDO_EXPORT(int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock)) {
    return rondo_rwlock_trywrlock(as_rondo(lock));
}
RONDO_ALIAS(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);

RONDO_EXPORT(int, pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const timespec* deadline)) {
    return rondo_rwlock_timedwrlock(as_rondo(lock), deadline);
}

RONDO_EXPORT(int, pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const timespec* deadline)) {
    return rondo_rwlock_clockwrlock(as_rondo(lock), clock, deadline);
}

RONDO_EXPORT(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock)) { return rondo_rwlock_unlock(as_rondo(lock)); }
RONDO_ALIAS(__pthread_rwlock_unlock, pthread_rwlock_unlock);

RONDO_EXPORT(int, pthread_rwlockattr_init, (pthread_rwlockattr_t * attr)) {
    return rondo_rwlockattr_init(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_rwlockattr_destroy, (pthread_rwlockattr_t * attr)) {
    return rondo_rwlockattr_destroy(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_rwlockattr_setkind_np, (pthread_rwlockattr_t * attr, int kind)) {
    return rondo_rwlockattr_setkind_np(as_rondo(attr), kind);
}

RONDO_EXPORT(int, pthread_rwlockattr_getkind_np, (const pthread_rwlockattr_t* attr, int* kind)) {
    return rondo_rwlockattr_getkind_np(as_rondo(attr), kind);
}

RONDO_EXPORT(int, pthread_rwlockattr_setpshared, (pthread_rwlockattr_t * attr, int pshared)) {
    return rondo_rwlockattr_setpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_rwlockattr_getpshared, (const pthread_rwlockattr_t* attr, int* pshared)) {
    return rondo_rwlockattr_getpshared(as_rondo(attr), pshared);
}
