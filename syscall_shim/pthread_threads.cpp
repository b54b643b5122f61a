// SPDX-License-Identifier: Apache-2.0
// pthread family, threads: create, join, detach, exit, cancel, names and the rest that acts on a thread.
//
// The first pthread_create makes its caller a Rondo thread, in place. What the caller had set with libc until then
// moves over with it: its cancellation state here, its cleanup handlers in cleanup.cpp.
//
// A handle goes to libc only if it is the caller's own and the caller is no Rondo thread (guard.h).
#include <sched.h>

#include "cleanup.h"
#include "export.h"
#include "guard.h"
#include "real.h"
#include "sanitizer.h"
#include "thread_calls.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(pthread_self);
RONDO_REAL(pthread_exit);
RONDO_REAL(pthread_cancel);
RONDO_REAL(pthread_setcancelstate);
RONDO_REAL(pthread_setcanceltype);
RONDO_REAL(pthread_testcancel);
RONDO_REAL(pthread_setname_np);
RONDO_REAL(pthread_getname_np);
RONDO_REAL(pthread_getattr_np);
RONDO_REAL(pthread_attr_getstack);
RONDO_REAL(pthread_attr_getguardsize);
RONDO_REAL(pthread_attr_destroy);
RONDO_REAL(sched_yield);

void adopt_caller() {
    int state;
    real_pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
    rondo_setcancelstate(state, nullptr);
    move_early_handlers();
}

// The attributes of a kernel thread, from libc's form into ours.
int kernel_thread_attributes(rondo_attr_t* attr) {
    pthread_attr_t theirs;
    int error = real_pthread_getattr_np(kernel_thread(), &theirs);
    if (error != 0) return error;
    void* lowest;
    size_t stack_bytes, guard_bytes;
    real_pthread_attr_getstack(&theirs, &lowest, &stack_bytes);
    real_pthread_attr_getguardsize(&theirs, &guard_bytes);
    real_pthread_attr_destroy(&theirs);
    error = rondo_attr_init(attr);
    if (error == 0) error = rondo_attr_setstack(attr, lowest, stack_bytes);
    if (error == 0) error = rondo_attr_setguardsize(attr, guard_bytes);
    return error;
}

}  // namespace

pthread_t rondo::shim::kernel_thread() { return real_pthread_self(); }

int rondo::shim::create_thread(pthread_t* thread, const rondo_attr_t* attr, void* (*start)(void*), void* arg) {
    bool was_thread = is_thread();
    int error = rondo_create(thread, attr, start, arg);
    if (!was_thread && is_thread()) adopt_caller();
    return error;
}

int rondo::shim::yield_thread() { return on_thread() ? rondo_yield() : real_sched_yield(); }

void rondo::shim::exit_thread(void* result) {
    if (is_thread()) rondo_exit(result);
    run_early_handler();
    real_pthread_exit.get()(result);
    __builtin_unreachable();
}

RONDO_EXPORT(int, pthread_create, (pthread_t * thread, const pthread_attr_t* attr, void* (*start)(void*), void* arg)) {
    return create_thread(thread, as_rondo(attr), start, arg);
}

RONDO_EXPORT(int, pthread_join, (pthread_t thread, void** result)) { return rondo_join(thread, result); }

RONDO_EXPORT(int, pthread_tryjoin_np, (pthread_t thread, void** result)) { return rondo_tryjoin_np(thread, result); }

RONDO_EXPORT(int, pthread_timedjoin_np, (pthread_t thread, void** result, const timespec* deadline)) {
    return rondo_timedjoin_np(thread, result, deadline);
}

RONDO_EXPORT(int, pthread_clockjoin_np, (pthread_t thread, void** result, clockid_t clock, const timespec* deadline)) {
    return rondo_clockjoin_np(thread, result, clock, deadline);
}

RONDO_EXPORT(int, pthread_detach, (pthread_t thread)) { return rondo_detach(thread); }

RONDO_EXPORT(void, pthread_exit, (void* result)) { exit_thread(result); }

RONDO_EXPORT(pthread_t, pthread_self, ()) { return in_sanitizer() ? kernel_thread() : rondo_self(); }
RONDO_ALIAS(thrd_current, pthread_self);

RONDO_EXPORT(int, pthread_equal, (pthread_t a, pthread_t b)) { return rondo_equal(a, b); }

RONDO_EXPORT(int, sched_yield, ()) { return yield_thread(); }
RONDO_ALIAS(__sched_yield, sched_yield);
RONDO_ALIAS(pthread_yield, sched_yield);

RONDO_EXPORT(int, pthread_cancel, (pthread_t thread)) {
    return foreign_self(thread) ? real_pthread_cancel(thread) : rondo_cancel(thread);
}

RONDO_EXPORT(int, pthread_setcancelstate, (int state, int* old_state)) {
    return is_thread() ? rondo_setcancelstate(state, old_state) : real_pthread_setcancelstate(state, old_state);
}

RONDO_EXPORT(int, pthread_setcanceltype, (int type, int* old_type)) {
    return is_thread() ? rondo_setcanceltype(type, old_type) : real_pthread_setcanceltype(type, old_type);
}

RONDO_EXPORT(void, pthread_testcancel, ()) {
    if (is_thread()) {
        rondo_testcancel();
    } else {
        real_pthread_testcancel();
    }
}

RONDO_EXPORT(int, pthread_setname_np, (pthread_t thread, const char* name)) {
    return foreign_self(thread) ? real_pthread_setname_np(thread, name) : rondo_setname_np(thread, name);
}

RONDO_EXPORT(int, pthread_getname_np, (pthread_t thread, char* buffer, size_t size)) {
    return foreign_self(thread) ? real_pthread_getname_np(thread, buffer, size)
                                : rondo_getname_np(thread, buffer, size);
}

RONDO_EXPORT(int, pthread_getattr_np, (pthread_t thread, pthread_attr_t* attr)) {
    if (in_sanitizer()) return real_pthread_getattr_np(thread, attr);
    return foreign_self(thread) ? kernel_thread_attributes(as_rondo(attr)) : rondo_getattr_np(thread, as_rondo(attr));
}
