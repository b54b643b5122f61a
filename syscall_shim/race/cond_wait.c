// SPDX-License-Identifier: Apache-2.0
// Waits on condition variables: the mutex is given away before and taken after, also when the wait ends by cancellation
// and the thread is unwound from here with the mutex held.
//
// C, for the attribute cleanup runs during that unwinding with libgcc's personality alone; C++ would need libstdc++.
#include "cond_wait.h"

#define EXPORT __attribute__((visibility("default")))

static void take_back(void* mutex) { rondo_race_acquire(*(const volatile void**)mutex); }

#define GIVE_AWAY(mutex)                                                                            \
    __attribute__((cleanup(take_back))) const volatile void* given = (const volatile void*)(mutex); \
    rondo_race_release(given)

EXPORT int pthread_cond_wait(pthread_cond_t* cond, pthread_mutex_t* mutex) {
    GIVE_AWAY(mutex);
    return rondo_race_real_waits().cond_wait(cond, mutex);
}

EXPORT int pthread_cond_timedwait(pthread_cond_t* cond, pthread_mutex_t* mutex, const struct timespec* deadline) {
    GIVE_AWAY(mutex);
    return rondo_race_real_waits().cond_timedwait(cond, mutex, deadline);
}

EXPORT int pthread_cond_clockwait(pthread_cond_t* cond, pthread_mutex_t* mutex, clockid_t clock,
                                  const struct timespec* deadline) {
    GIVE_AWAY(mutex);
    return rondo_race_real_waits().cond_clockwait(cond, mutex, clock, deadline);
}

EXPORT int cnd_wait(cnd_t* cond, mtx_t* mutex) {
    GIVE_AWAY(mutex);
    return rondo_race_real_waits().cnd_wait(cond, mutex);
}

EXPORT int cnd_timedwait(cnd_t* cond, mtx_t* mutex, const struct timespec* deadline) {
    GIVE_AWAY(mutex);
    return rondo_race_real_waits().cnd_timedwait(cond, mutex, deadline);
}
