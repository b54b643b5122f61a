// SPDX-License-Identifier: Apache-2.0
// pthread family: condition variables, barriers, spin locks, once and thread-specific data.
//
// Always the runtime's, on every thread and from the process's first instruction: an object initialised by a
// constructor before the start must work for the threads created after it. Thin on purpose: the meaning is in
// runtime/sync.
#include "export.h"
#include "guard.h"
#include "sanitizer.h"

using namespace rondo::shim;

RONDO_EXPORT(int, pthread_cond_init, (pthread_cond_t * cond, const pthread_condattr_t* attr)) {
    return rondo_cond_init(as_rondo(cond), as_rondo(attr));
}

RONDO_EXPORT(int, pthread_cond_destroy, (pthread_cond_t * cond)) { return rondo_cond_destroy(as_rondo(cond)); }

RONDO_EXPORT(int, pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t* mutex)) {
    return rondo_cond_wait(as_rondo(cond), as_rondo(mutex));
}

RONDO_EXPORT(int, pthread_cond_timedwait, (pthread_cond_t * cond, pthread_mutex_t* mutex, const timespec* deadline)) {
    return rondo_cond_timedwait(as_rondo(cond), as_rondo(mutex), deadline);
}

RONDO_EXPORT(int, pthread_cond_clockwait,
             (pthread_cond_t * cond, pthread_mutex_t* mutex, clockid_t clock, const timespec* deadline)) {
    return rondo_cond_clockwait(as_rondo(cond), as_rondo(mutex), clock, deadline);
}

RONDO_EXPORT(int, pthread_cond_signal, (pthread_cond_t * cond)) { return rondo_cond_signal(as_rondo(cond)); }

RONDO_EXPORT(int, pthread_cond_broadcast, (pthread_cond_t * cond)) { return rondo_cond_broadcast(as_rondo(cond)); }

RONDO_EXPORT(int, pthread_condattr_init, (pthread_condattr_t * attr)) { return rondo_condattr_init(as_rondo(attr)); }

RONDO_EXPORT(int, pthread_condattr_destroy, (pthread_condattr_t * attr)) {
    return rondo_condattr_destroy(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_condattr_setclock, (pthread_condattr_t * attr, clockid_t clock)) {
    return rondo_condattr_setclock(as_rondo(attr), clock);
}

RONDO_EXPORT(int, pthread_condattr_getclock, (const pthread_condattr_t* attr, clockid_t* clock)) {
    return rondo_condattr_getclock(as_rondo(attr), clock);
}

RONDO_EXPORT(int, pthread_condattr_setpshared, (pthread_condattr_t * attr, int pshared)) {
    return rondo_condattr_setpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_condattr_getpshared, (const pthread_condattr_t* attr, int* pshared)) {
    return rondo_condattr_getpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_barrier_init,
             (pthread_barrier_t * barrier, const pthread_barrierattr_t* attr, unsigned count)) {
    return rondo_barrier_init(as_rondo(barrier), as_rondo(attr), count);
}

RONDO_EXPORT(int, pthread_barrier_destroy, (pthread_barrier_t * barrier)) {
    return rondo_barrier_destroy(as_rondo(barrier));
}

RONDO_EXPORT(int, pthread_barrier_wait, (pthread_barrier_t * barrier)) { return rondo_barrier_wait(as_rondo(barrier)); }

RONDO_EXPORT(int, pthread_barrierattr_init, (pthread_barrierattr_t * attr)) {
    return rondo_barrierattr_init(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_barrierattr_destroy, (pthread_barrierattr_t * attr)) {
    return rondo_barrierattr_destroy(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_barrierattr_setpshared, (pthread_barrierattr_t * attr, int pshared)) {
    return rondo_barrierattr_setpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_barrierattr_getpshared, (const pthread_barrierattr_t* attr, int* pshared)) {
    return rondo_barrierattr_getpshared(as_rondo(attr), pshared);
}

RONDO_EXPORT(int, pthread_spin_init, (pthread_spinlock_t * lock, int pshared)) {
    return rondo_spin_init(lock, pshared);
}

RONDO_EXPORT(int, pthread_spin_destroy, (pthread_spinlock_t * lock)) { return rondo_spin_destroy(lock); }

RONDO_EXPORT(int, pthread_spin_lock, (pthread_spinlock_t * lock)) { return rondo_spin_lock(lock); }

RONDO_EXPORT(int, pthread_spin_trylock, (pthread_spinlock_t * lock)) { return rondo_spin_trylock(lock); }

RONDO_EXPORT(int, pthread_spin_unlock, (pthread_spinlock_t * lock)) { return rondo_spin_unlock(lock); }

RONDO_EXPORT(int, pthread_once, (pthread_once_t * once, void (*routine)())) { return rondo_once(once, routine); }
RONDO_ALIAS(__pthread_once, pthread_once);

RONDO_EXPORT(int, pthread_key_create, (pthread_key_t * key, void (*destructor)(void*))) {
    return make_sanitizer_key(key, destructor) ? 0 : rondo_key_create(key, destructor);
}
RONDO_ALIAS(__pthread_key_create, pthread_key_create);

RONDO_EXPORT(int, pthread_key_delete, (pthread_key_t key)) { return rondo_key_delete(key); }

RONDO_EXPORT(void*, pthread_getspecific, (pthread_key_t key)) { return rondo_getspecific(key); }
RONDO_ALIAS(__pthread_getspecific, pthread_getspecific);

RONDO_EXPORT(int, pthread_setspecific, (pthread_key_t key, const void* value)) {
    return set_sanitizer_key(key, value) ? 0 : rondo_setspecific(key, value);
}
RONDO_ALIAS(__pthread_setspecific, pthread_setspecific);
