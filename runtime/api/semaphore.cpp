// SPDX-License-Identifier: Apache-2.0
//
// Semaphores: the C façade. A mark in the object tells whether it is one process's own or shared between processes,
// as a named one is, which libc made.

#include <cerrno>

#include "runtime/api/attributes.h"
#include "runtime/api/deadline.h"
#include "runtime/sync/shared_semaphore.h"

using namespace rondo;

namespace {

int sem_result(int error) {
    if (error == 0) {
        return 0;
    }
    errno = error;
    return -1;
}

bool is_shared(const rondo_sem_t* sem) { return as<Semaphore>(sem).is_shared(); }

int wait_until(rondo_sem_t* sem, Deadline deadline) {
    return sem_result(is_shared(sem) ? as<SharedSemaphore>(sem).wait(deadline) : as<Semaphore>(sem).wait(deadline));
}

}  // namespace

extern "C" {

int rondo_sem_init(rondo_sem_t* sem, int pshared, unsigned value) {
    if (value > Semaphore::kMaxValue) {
        return sem_result(EINVAL);
    }
    if (pshared != 0) {
        as<SharedSemaphore>(sem).init(value);
    } else {
        as<Semaphore>(sem).init(value);
    }
    return 0;
}

int rondo_sem_destroy(rondo_sem_t*) { return 0; }

int rondo_sem_wait(rondo_sem_t* sem) { return wait_until(sem, {}); }

int rondo_sem_trywait(rondo_sem_t* sem) {
    choice_point("sem_trywait");
    bool taken = is_shared(sem) ? as<SharedSemaphore>(sem).try_wait() : as<Semaphore>(sem).try_wait();
    return taken ? 0 : sem_result(EAGAIN);
}

int rondo_sem_timedwait(rondo_sem_t* sem, const struct timespec* realtime_deadline) {
    return wait_until(sem, deadline_of(CLOCK_REALTIME, realtime_deadline));
}

int rondo_sem_clockwait(rondo_sem_t* sem, clockid_t clock, const struct timespec* deadline) {
    return is_supported_clock(clock) ? wait_until(sem, deadline_of(clock, deadline)) : sem_result(EINVAL);
}

int rondo_sem_post(rondo_sem_t* sem) {
    choice_point("sem_post");
    return sem_result(is_shared(sem) ? as<SharedSemaphore>(sem).post() : as<Semaphore>(sem).post());
}

int rondo_sem_getvalue(rondo_sem_t* sem, int* value) {
    *value = static_cast<int>(is_shared(sem) ? as<SharedSemaphore>(sem).value() : as<Semaphore>(sem).value());
    return 0;
}

}  // extern "C"
