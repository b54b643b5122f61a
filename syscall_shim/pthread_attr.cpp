// SPDX-License-Identifier: Apache-2.0
// pthread family: thread attributes.
//
// Detach state, stack and guard are the runtime's. The scheduling attributes have one value here (SCHED_OTHER, priority
// 0, system scope): that value is accepted and reported, any other refused with ENOTSUP. An attribute object holds the
// runtime's form from pthread_attr_init on, so libc must never see one.
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "sanitizer.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(pthread_attr_init);
RONDO_REAL(pthread_attr_destroy);
RONDO_REAL(pthread_attr_getstack);

}  // namespace

RONDO_EXPORT(int, pthread_attr_init, (pthread_attr_t * attr)) {
    return in_sanitizer() ? real_pthread_attr_init(attr) : rondo_attr_init(as_rondo(attr));
}

RONDO_EXPORT(int, pthread_attr_destroy, (pthread_attr_t * attr)) {
    if (!in_sanitizer()) return rondo_attr_destroy(as_rondo(attr));
    leave_sanitizer();
    return real_pthread_attr_destroy(attr);
}

RONDO_EXPORT(int, pthread_attr_setdetachstate, (pthread_attr_t * attr, int state)) {
    return rondo_attr_setdetachstate(as_rondo(attr), state);
}

RONDO_EXPORT(int, pthread_attr_getdetachstate, (const pthread_attr_t* attr, int* state)) {
    return rondo_attr_getdetachstate(as_rondo(attr), state);
}

RONDO_EXPORT(int, pthread_attr_setstacksize, (pthread_attr_t * attr, size_t bytes)) {
    return rondo_attr_setstacksize(as_rondo(attr), bytes);
}

RONDO_EXPORT(int, pthread_attr_getstacksize, (const pthread_attr_t* attr, size_t* bytes)) {
    return rondo_attr_getstacksize(as_rondo(attr), bytes);
}

RONDO_EXPORT(int, pthread_attr_setguardsize, (pthread_attr_t * attr, size_t bytes)) {
    return rondo_attr_setguardsize(as_rondo(attr), bytes);
}

RONDO_EXPORT(int, pthread_attr_getguardsize, (const pthread_attr_t* attr, size_t* bytes)) {
    return rondo_attr_getguardsize(as_rondo(attr), bytes);
}

RONDO_EXPORT(int, pthread_attr_setstack, (pthread_attr_t * attr, void* lowest, size_t bytes)) {
    return rondo_attr_setstack(as_rondo(attr), lowest, bytes);
}

RONDO_EXPORT(int, pthread_attr_getstack, (const pthread_attr_t* attr, void** lowest, size_t* bytes)) {
    return in_sanitizer() ? real_pthread_attr_getstack(attr, lowest, bytes)
                          : rondo_attr_getstack(as_rondo(attr), lowest, bytes);
}

RONDO_EXPORT_UNDECLARED(int, pthread_attr_setstackaddr, (pthread_attr_t*, void*)) { return ENOTSUP; }

RONDO_EXPORT_UNDECLARED(int, pthread_attr_getstackaddr, (const pthread_attr_t* attr, void** end)) {
    void* lowest;
    size_t bytes;
    int error = rondo_attr_getstack(as_rondo(attr), &lowest, &bytes);
    if (error == 0) *end = static_cast<char*>(lowest) + bytes;
    return error;
}

RONDO_EXPORT(int, pthread_attr_setinheritsched, (pthread_attr_t*, int inherit)) {
    return inherit == PTHREAD_INHERIT_SCHED || inherit == PTHREAD_EXPLICIT_SCHED ? 0 : EINVAL;
}

RONDO_EXPORT(int, pthread_attr_getinheritsched, (const pthread_attr_t*, int* inherit)) {
    *inherit = PTHREAD_INHERIT_SCHED;
    return 0;
}

RONDO_EXPORT(int, pthread_attr_setschedpolicy, (pthread_attr_t*, int policy)) {
    return policy == SCHED_OTHER ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_attr_getschedpolicy, (const pthread_attr_t*, int* policy)) {
    *policy = SCHED_OTHER;
    return 0;
}

RONDO_EXPORT(int, pthread_attr_setschedparam, (pthread_attr_t*, const sched_param* param)) {
    return param->sched_priority == 0 ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_attr_getschedparam, (const pthread_attr_t*, sched_param* param)) {
    param->sched_priority = 0;
    return 0;
}

RONDO_EXPORT(int, pthread_attr_setscope, (pthread_attr_t*, int scope)) {
    return scope == PTHREAD_SCOPE_SYSTEM ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_attr_getscope, (const pthread_attr_t*, int* scope)) {
    *scope = PTHREAD_SCOPE_SYSTEM;
    return 0;
}

RONDO_EXPORT(int, pthread_attr_setaffinity_np, (pthread_attr_t*, size_t size, const cpu_set_t* set)) {
    return size == 0 || set == nullptr ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_attr_getaffinity_np, (const pthread_attr_t*, size_t size, cpu_set_t* set)) {
    memset(set, 0xff, size);
    return 0;
}

RONDO_EXPORT(int, pthread_attr_setsigmask_np, (pthread_attr_t*, const sigset_t* mask)) {
    return mask == nullptr ? 0 : ENOTSUP;
}

RONDO_EXPORT(int, pthread_attr_getsigmask_np, (const pthread_attr_t*, sigset_t* mask)) {
    sigemptyset(mask);
    return PTHREAD_ATTR_NO_SIGMASK_NP;
}

RONDO_EXPORT(int, pthread_getattr_default_np, (pthread_attr_t * attr)) { return rondo_attr_init(as_rondo(attr)); }

RONDO_EXPORT(int, pthread_setattr_default_np, (const pthread_attr_t*)) { return ENOTSUP; }
