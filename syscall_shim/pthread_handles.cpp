// SPDX-License-Identifier: Apache-2.0
// pthread family: calls on a thread's handle that Rondo threads do not have, or have only in part.
//
// libc's versions read the thread descriptor that a handle of its own points to; a handle of ours would make them read
// something else. So each is answered here: scheduling of one thread by the kernel is refused with the error that
// POSIX names, and what a Rondo thread has by nature (SCHED_OTHER, priority 0, the process's affinity) is
// told truly. A kernel thread's question about itself goes to libc.
#include <errno.h>
#include <sched.h>

#include "export.h"
#include "guard.h"
#include "real.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(pthread_getcpuclockid);
RONDO_REAL(pthread_setschedparam);
RONDO_REAL(pthread_getschedparam);
RONDO_REAL(pthread_setschedprio);
RONDO_REAL(pthread_setaffinity_np);
RONDO_REAL(pthread_getaffinity_np);

// 0 for a Rondo thread that has not been joined, else ESRCH.
int find(pthread_t thread) {
    char name[16];
    return rondo_getname_np(thread, name, sizeof(name)) == 0 ? 0 : ESRCH;
}

int refuse(pthread_t thread, int error) {
    int missing = find(thread);
    return missing != 0 ? missing : error;
}

}  // namespace

RONDO_EXPORT(int, pthread_getcpuclockid, (pthread_t thread, clockid_t* clock)) {
    return foreign_self(thread) ? real_pthread_getcpuclockid(thread, clock) : refuse(thread, ENOENT);
}

RONDO_EXPORT(int, pthread_setschedparam, (pthread_t thread, int policy, const sched_param* param)) {
    if (foreign_self(thread)) return real_pthread_setschedparam(thread, policy, param);
    bool granted = policy == SCHED_OTHER && param->sched_priority == 0;
    return refuse(thread, granted ? 0 : ENOTSUP);
}

RONDO_EXPORT(int, pthread_getschedparam, (pthread_t thread, int* policy, sched_param* param)) {
    if (foreign_self(thread)) return real_pthread_getschedparam(thread, policy, param);
    *policy = SCHED_OTHER;
    param->sched_priority = 0;
    return find(thread);
}

RONDO_EXPORT(int, pthread_setschedprio, (pthread_t thread, int priority)) {
    if (foreign_self(thread)) return real_pthread_setschedprio(thread, priority);
    return refuse(thread, priority == 0 ? 0 : EINVAL);
}

RONDO_EXPORT(int, pthread_setaffinity_np, (pthread_t thread, size_t size, const cpu_set_t* set)) {
    return foreign_self(thread) ? real_pthread_setaffinity_np(thread, size, set) : refuse(thread, ENOTSUP);
}

RONDO_EXPORT(int, pthread_getaffinity_np, (pthread_t thread, size_t size, cpu_set_t* set)) {
    if (foreign_self(thread)) return real_pthread_getaffinity_np(thread, size, set);
    int missing = find(thread);
    if (missing != 0) return missing;
    return sched_getaffinity(0, size, set) == 0 ? 0 : errno;
}
