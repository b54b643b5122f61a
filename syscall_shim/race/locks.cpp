// SPDX-License-Identifier: Apache-2.0
// Happens-before by synchronisation objects.
//
// A readers-writer lock is two objects: what writers did, at its address, which all acquire; and what readers did, one
// byte further, which only writers acquire, so that readers stay unordered among themselves. A condition variable
// orders nothing by itself: its mutex does, which a wait releases and takes (cond_wait.c).
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

#include "wrappers.h"

using namespace rondo::race;

using Time = const timespec*;

RONDO_FORGETTING(pthread_mutex_init, (pthread_mutex_t * mutex, const pthread_mutexattr_t* attr), (mutex, attr), mutex)
RONDO_LOCKING(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex), mutex)
RONDO_LOCKING(pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex), mutex)
RONDO_LOCKING(pthread_mutex_timedlock, (pthread_mutex_t * mutex, Time deadline), (mutex, deadline), mutex)
RONDO_LOCKING(pthread_mutex_clocklock, (pthread_mutex_t * mutex, clockid_t clock, Time deadline),
              (mutex, clock, deadline), mutex)
RONDO_RELEASING(pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex), mutex)

RONDO_FORGETTING(mtx_init, (mtx_t * mutex, int type), (mutex, type), mutex)
RONDO_LOCKING(mtx_lock, (mtx_t * mutex), (mutex), mutex)
RONDO_LOCKING(mtx_trylock, (mtx_t * mutex), (mutex), mutex)
RONDO_LOCKING(mtx_timedlock, (mtx_t * mutex, Time deadline), (mutex, deadline), mutex)
RONDO_RELEASING(mtx_unlock, (mtx_t * mutex), (mutex), mutex)

RONDO_LOCKING(pthread_spin_lock, (pthread_spinlock_t * lock), (lock), lock)
RONDO_LOCKING(pthread_spin_trylock, (pthread_spinlock_t * lock), (lock), lock)
RONDO_RELEASING(pthread_spin_unlock, (pthread_spinlock_t * lock), (lock), lock)

RONDO_FORGETTING(sem_init, (sem_t * semaphore, int pshared, unsigned value), (semaphore, pshared, value), semaphore)
RONDO_LOCKING(sem_wait, (sem_t * semaphore), (semaphore), semaphore)
RONDO_LOCKING(sem_trywait, (sem_t * semaphore), (semaphore), semaphore)
RONDO_LOCKING(sem_timedwait, (sem_t * semaphore, Time deadline), (semaphore, deadline), semaphore)
RONDO_LOCKING(sem_clockwait, (sem_t * semaphore, clockid_t clock, Time deadline), (semaphore, clock, deadline),
              semaphore)
RONDO_RELEASING(sem_post, (sem_t * semaphore), (semaphore), semaphore)

namespace {

const char* readers_of(pthread_rwlock_t* lock) { return reinterpret_cast<const char*>(lock) + 1; }

int has_read_lock(pthread_rwlock_t* lock, int result) {
    if (result == 0) acquire(lock);
    return result;
}

int has_write_lock(pthread_rwlock_t* lock, int result) {
    if (result == 0) {
        acquire(lock);
        acquire(readers_of(lock));
    }
    return result;
}

RONDO_REAL(pthread_rwlock_init);
RONDO_REAL(pthread_rwlock_unlock);
RONDO_REAL(pthread_barrier_wait);

// Who holds it for writing, by address of the lock.
AddressTable<Thread> writers;

}  // namespace

#define RONDO_READ_LOCKING(name, parameters, arguments) \
    RONDO_REAL(name);                                   \
    RONDO_EXPORT(int, name, parameters) { return has_read_lock(lock, real_##name arguments); }

#define RONDO_WRITE_LOCKING(name, parameters, arguments)                                        \
    RONDO_REAL(name);                                                                           \
    RONDO_EXPORT(int, name, parameters) {                                                       \
        int result = has_write_lock(lock, real_##name arguments);                               \
        if (result == 0 && detecting) writers.set(reinterpret_cast<uint64_t>(lock), current()); \
        return result;                                                                          \
    }

RONDO_READ_LOCKING(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
RONDO_READ_LOCKING(pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
RONDO_READ_LOCKING(pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, Time deadline), (lock, deadline))
RONDO_READ_LOCKING(pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, Time deadline),
                   (lock, clock, deadline))
RONDO_WRITE_LOCKING(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
RONDO_WRITE_LOCKING(pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
RONDO_WRITE_LOCKING(pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, Time deadline), (lock, deadline))
RONDO_WRITE_LOCKING(pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, Time deadline),
                    (lock, clock, deadline))

RONDO_EXPORT(int, pthread_rwlock_init, (pthread_rwlock_t * lock, const pthread_rwlockattr_t* attr)) {
    forget(lock);
    forget(readers_of(lock));
    return real_pthread_rwlock_init(lock, attr);
}

RONDO_EXPORT(int, pthread_rwlock_unlock, (pthread_rwlock_t * lock)) {
    auto key = reinterpret_cast<uint64_t>(lock);
    Thread* thread = detecting ? current() : nullptr;
    bool writer = thread != nullptr && writers.find(key) == thread;
    if (writer) writers.set(key, nullptr);
    release(writer ? reinterpret_cast<const char*>(lock) : readers_of(lock));
    return real_pthread_rwlock_unlock(lock);
}

RONDO_EXPORT(int, pthread_barrier_wait, (pthread_barrier_t * barrier)) {
    release(barrier);
    int result = real_pthread_barrier_wait(barrier);
    if (result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD) acquire(barrier);
    return result;
}
