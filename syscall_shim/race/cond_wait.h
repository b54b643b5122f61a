/* SPDX-License-Identifier: Apache-2.0
 *
 * What cond_wait.c, which is C, needs of the detector and of the functions behind ours.
 */
#ifndef RONDO_RACE_COND_WAIT_H
#define RONDO_RACE_COND_WAIT_H

#include <pthread.h>
#include <threads.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

void rondo_race_acquire(const volatile void* object);
void rondo_race_release(const volatile void* object);

struct rondo_race_waits {
    int (*cond_wait)(pthread_cond_t*, pthread_mutex_t*);
    int (*cond_timedwait)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);
    int (*cond_clockwait)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const struct timespec*);
    int (*cnd_wait)(cnd_t*, mtx_t*);
    int (*cnd_timedwait)(cnd_t*, mtx_t*, const struct timespec*);
};
struct rondo_race_waits rondo_race_real_waits(void);

#ifdef __cplusplus
}
#endif
#endif
