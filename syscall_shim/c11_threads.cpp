// SPDX-License-Identifier: Apache-2.0
// C11 family: <threads.h>. In glibc each type is the pthread type under another name, and so it is here.
//
// Only the results differ: error numbers become thrd_*, and a thread returns int. thrd_create passes the int function
// as one that returns a pointer: both return in the same register on x86-64, and thrd_join reads only its low half.
// thrd_current is an alias in pthread_threads.cpp.
#include <errno.h>
#include <stdint.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "thread_calls.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(thrd_sleep);

int result_of(int error) {
    switch (error) {
        case 0:
            return thrd_success;
        case ENOMEM:
            return thrd_nomem;
        case ETIMEDOUT:
            return thrd_timedout;
        case EBUSY:
            return thrd_busy;
        default:
            return thrd_error;
    }
}

}  // namespace

RONDO_EXPORT(int, thrd_create, (thrd_t * thread, thrd_start_t start, void* arg)) {
    auto* routine = reinterpret_cast<void* (*)(void*)>(reinterpret_cast<void*>(start));
    int error = create_thread(thread, nullptr, routine, arg);
    return error == EAGAIN ? thrd_nomem : result_of(error);
}

RONDO_EXPORT(int, thrd_join, (thrd_t thread, int* result)) {
    void* value = nullptr;
    int error = rondo_join(thread, &value);
    if (error == 0 && result != nullptr) *result = static_cast<int>(reinterpret_cast<uintptr_t>(value));
    return result_of(error);
}

RONDO_EXPORT(int, thrd_detach, (thrd_t thread)) { return result_of(rondo_detach(thread)); }

RONDO_EXPORT(void, thrd_exit, (int result)) {
    exit_thread(reinterpret_cast<void*>(static_cast<uintptr_t>(static_cast<unsigned>(result))));
}

RONDO_EXPORT(int, thrd_equal, (thrd_t a, thrd_t b)) { return rondo_equal(a, b); }

RONDO_EXPORT(int, thrd_sleep, (const timespec* duration, timespec* remaining)) {
    if (!on_thread()) return real_thrd_sleep(duration, remaining);
    int error = rondo_clock_nanosleep(CLOCK_REALTIME, 0, duration, remaining);
    if (error == 0) return 0;
    return error == EINTR ? -1 : -2;
}

RONDO_EXPORT(void, thrd_yield, ()) { yield_thread(); }

RONDO_EXPORT(int, mtx_init, (mtx_t * mutex, int type)) {
    bool recursive = (type & mtx_recursive) != 0;
    if ((type & ~(mtx_recursive | mtx_timed)) != 0) return thrd_error;
    rondo_mutexattr_t attr;
    rondo_mutexattr_init(&attr);
    rondo_mutexattr_settype(&attr, recursive ? RONDO_MUTEX_RECURSIVE : RONDO_MUTEX_NORMAL);
    int error = rondo_mutex_init(as_rondo(mutex), &attr);
    rondo_mutexattr_destroy(&attr);
    return result_of(error);
}

RONDO_EXPORT(void, mtx_destroy, (mtx_t * mutex)) { rondo_mutex_destroy(as_rondo(mutex)); }

RONDO_EXPORT(int, mtx_lock, (mtx_t * mutex)) { return result_of(rondo_mutex_lock(as_rondo(mutex))); }

RONDO_EXPORT(int, mtx_trylock, (mtx_t * mutex)) { return result_of(rondo_mutex_trylock(as_rondo(mutex))); }

RONDO_EXPORT(int, mtx_timedlock, (mtx_t * mutex, const timespec* deadline)) {
    return result_of(rondo_mutex_timedlock(as_rondo(mutex), deadline));
}

RONDO_EXPORT(int, mtx_unlock, (mtx_t * mutex)) { return result_of(rondo_mutex_unlock(as_rondo(mutex))); }

RONDO_EXPORT(int, cnd_init, (cnd_t * cond)) { return result_of(rondo_cond_init(as_rondo(cond), nullptr)); }

RONDO_EXPORT(void, cnd_destroy, (cnd_t * cond)) { rondo_cond_destroy(as_rondo(cond)); }

RONDO_EXPORT(int, cnd_signal, (cnd_t * cond)) { return result_of(rondo_cond_signal(as_rondo(cond))); }

RONDO_EXPORT(int, cnd_broadcast, (cnd_t * cond)) { return result_of(rondo_cond_broadcast(as_rondo(cond))); }

RONDO_EXPORT(int, cnd_wait, (cnd_t * cond, mtx_t* mutex)) {
    return result_of(rondo_cond_wait(as_rondo(cond), as_rondo(mutex)));
}

RONDO_EXPORT(int, cnd_timedwait, (cnd_t * cond, mtx_t* mutex, const timespec* deadline)) {
    return result_of(rondo_cond_timedwait(as_rondo(cond), as_rondo(mutex), deadline));
}

RONDO_EXPORT(void, call_once, (once_flag * once, void (*routine)())) {
    rondo_once(reinterpret_cast<rondo_once_t*>(once), routine);
}

RONDO_EXPORT(int, tss_create, (tss_t * key, tss_dtor_t destructor)) {
    return result_of(rondo_key_create(key, destructor));
}

RONDO_EXPORT(void, tss_delete, (tss_t key)) { rondo_key_delete(key); }

RONDO_EXPORT(void*, tss_get, (tss_t key)) { return rondo_getspecific(key); }

RONDO_EXPORT(int, tss_set, (tss_t key, void* value)) { return result_of(rondo_setspecific(key, value)); }
