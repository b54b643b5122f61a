// SPDX-License-Identifier: Apache-2.0
// pthread family: mutexes and their attributes.
//
// Always the runtime's, on every thread. Priority protocols and robustness do not exist there: their neutral value is
// accepted and reported, any other refused.
#include <errno.h>

#include "export.h"
#include "guard.h"

using namespace rondo::shim;

RONDO_EXPORT(int, pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t* attr)) {
    return rondo_mutex_init(as_rondo(mutex), as_rondo(attr));
}
RONDO_ALIAS(__pthread_mutex_init, pthread_mutex_init);

RONDO_EXPORT(int, pthread_mutex_destroy, (pthread_mutex_t * mutex)) { return rondo_mutex_destroy(as_rondo(mutex)); }
RONDO_ALIAS(__pthread_mutex_destroy, pthread_mutex_destroy);

RONDO_EXPORT(int, pthread_mutex_lock, (pthread_mutex_t * mutex)) { return rondo_mutex_lock(as_rondo(mutex)); }
RONDO_ALIAS(__pthread_mutex_lock, pthread_mutex_lock);

RONDO_EXPORT(int, pthread_mutex_trylock, (pthread_mutex_t * mutex)) { return rondo_mutex_trylock(as_rondo(mutex)); }
RONDO_ALIAS(__pthread_mutex_trylock, pthread_mutex_trylock);

RONDO_EXPORT(int, pthread_mutex_timedlock, (pthread_mutex_t * mutex, const timespec* deadline)) {
    return rondo_mutex_timedlock(as_rondo(mutex), deadline);
}

RONDO_EXPORT(int, pthread_mutex_clocklock, (pthread_mutex_t * mutex, clockid_t clock, const timespec* deadline)) {
    return rondo_mutex_clocklock(as_rondo(mutex), clock, deadline);
}

RONDO_EXPORT(int, pthread_mutex_unlock, (pthread_mutex_t * mutex)) { return rondo_mutex_unlock(as_rondo(mutex)); }
RONDO_ALIAS(__pthread_mutex_unlock, pthread_mutex_unlock);

RONDO_EXPORT(int, pthread_mutex_consistent, (pthread_mutex_t*)) { return EINVAL; }
RONDO_ALIAS(pthread_mutex_consistent_np, pthread_mutex_consistent);

RONDO_EXPORT(int, pthread_mutex_getprioceiling, (const pthread_mutex_t*, int*)) { return EINVAL; }

RONDO_EXPORT(int, pthread_mutex_setprioceiling, (pthread_mutex_t*, int, int*)) { return EINVAL; }

RONDO_EXPORT(int, pthread_mutexattr_init, (pthread_mutexattr_t * attr)) { return rondo_mutexattr_init(as_rondo(attr)); }
RONDO_ALIAS(__pthread_mutexattr_init, pthread_mutexattr_init);

RONDO_EXPORT(int, pthread_mutexattr_destroy, (pthread_mutexattr_t * attr)) {
    return rondo_mutexattr_destroy(as_rondo(attr));
}
RONDO_ALIAS(__pthread_mutexattr_destroy, pthread_mutexattr_destroy);

RONDO_EXPORT(int, pthread_mutexattr_settype, (pthread_mutexattr_t * attr, int type)) {
    return rondo_mutexattr_settype(as_rondo(attr), type);
}
RONDO_ALIAS(__pthread_mutexattr_settype, pthread_mutexattr_settype);
RONDO_ALIAS(pthread_mutexattr_setkind_np, pthread_mutexattr_settype);

RONDO_EXPORT(int, pthread_mutexattr_gettype, (const pthread_mutexattr_t* attr, int* type)) {
    return rondo_mutexattr_gettype(as_rondo(attr), type);
}
RONDO_ALIAS(pthread_mutexattr_getkind_np, pthread_mutexattr_gettype);

RONDO_EXPORT(int, pthread_mutexattr_setpshared, (pthread_mutexattr_t * attr, int pshared)) {
    return rondo_mutexattr_setpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_mutexattr_getpshared, (const pthread_mutexattr_t* attr, int* pshared)) {
    return rondo_mutexattr_getpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_mutexattr_setprotocol, (pthread_mutexattr_t*, int protocol)) {
    return protocol == PTHREAD_PRIO_NONE ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_mutexattr_getprotocol, (const pthread_mutexattr_t*, int* protocol)) {
    *protocol = PTHREAD_PRIO_NONE;
    return 0;
}

RONDO_EXPORT(int, pthread_mutexattr_setprioceiling, (pthread_mutexattr_t*, int)) { return ENOTSUP; }

RONDO_EXPORT(int, pthread_mutexattr_getprioceiling, (const pthread_mutexattr_t*, int*)) { return ENOTSUP; }

RONDO_EXPORT(int, pthread_mutexattr_setrobust, (pthread_mutexattr_t*, int robustness)) {
    return robustness == PTHREAD_MUTEX_STALLED ? 0 : ENOTSUP;
}
RONDO_ALIAS(pthread_mutexattr_setrobust_np, pthread_mutexattr_setrobust);

RONDO_EXPORT(int, pthread_mutexattr_getrobust, (const pthread_mutexattr_t*, int* robustness)) {
    *robustness = PTHREAD_MUTEX_STALLED;
    return 0;
}
RONDO_ALIAS(pthread_mutexattr_getrobust_np, pthread_mutexattr_getrobust);
