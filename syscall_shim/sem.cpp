// SPDX-License-Identifier: Apache-2.0
// sem family: unnamed semaphores, always the runtime's.
//
// A named semaphore lives in a file that other processes map, in libc's form; sem_wait cannot tell one from ours, so
// sem_open is refused (ENOSYS) rather than left to make an object that no call here understands.
#include <errno.h>

#include "export.h"
#include "guard.h"

using namespace rondo::shim;

RONDO_EXPORT(int, sem_init, (sem_t * sem, int pshared, unsigned value)) {
    return rondo_sem_init(as_rondo(sem), pshared, value);
}

RONDO_EXPORT(int, sem_destroy, (sem_t * sem)) { return rondo_sem_destroy(as_rondo(sem)); }

RONDO_EXPORT(int, sem_wait, (sem_t * sem)) { return rondo_sem_wait(as_rondo(sem)); }

RONDO_EXPORT(int, sem_trywait, (sem_t * sem)) { return rondo_sem_trywait(as_rondo(sem)); }

RONDO_EXPORT(int, sem_timedwait, (sem_t * sem, const timespec* deadline)) {
    return rondo_sem_timedwait(as_rondo(sem), deadline);
}

RONDO_EXPORT(int, sem_clockwait, (sem_t * sem, clockid_t clock, const timespec* deadline)) {
    return rondo_sem_clockwait(as_rondo(sem), clock, deadline);
}

RONDO_EXPORT(int, sem_post, (sem_t * sem)) { return rondo_sem_post(as_rondo(sem)); }

RONDO_EXPORT(int, sem_getvalue, (sem_t * sem, int* value)) { return rondo_sem_getvalue(as_rondo(sem), value); }

RONDO_EXPORT(sem_t*, sem_open, (const char*, int, ...)) {
    errno = ENOSYS;
    return SEM_FAILED;
}

RONDO_EXPORT(int, sem_close, (sem_t*)) {
    errno = EINVAL;
    return -1;
}
