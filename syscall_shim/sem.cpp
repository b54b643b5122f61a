// SPDX-License-Identifier: Apache-2.0
// sem family: always the runtime's, also on those that sem_open gives: a named semaphore lives in a file that other
// processes map, in libc's form, and the runtime knows that form by its mark. Opening, closing and removing are libc's.
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
