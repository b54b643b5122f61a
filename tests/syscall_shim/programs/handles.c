/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls on a thread's handle that Rondo threads do not have: each is refused with its error or answered truly, none
 * crashes, for a thread and for main, before the first thread and after. Meant for rondo; natively some succeed.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>

#include "expect.h"

static sem_t go;

static void* wait_for_go(void* arg) {
    EXPECT(sem_wait(&go) == 0);
    return arg;
}

static void expect_refusals(pthread_t thread) {
    clockid_t clock;
    cpu_set_t set;
    int policy;
    struct sched_param param = {.sched_priority = 1};
    EXPECT(pthread_kill(thread, 0) == 0 && pthread_kill(thread, 1000) == EINVAL);
    EXPECT(pthread_getcpuclockid(thread, &clock) == ENOENT);
    EXPECT(pthread_setschedparam(thread, SCHED_FIFO, &param) == ENOTSUP);
    EXPECT(pthread_getschedparam(thread, &policy, &param) == 0);
    EXPECT(policy == SCHED_OTHER && param.sched_priority == 0);
    EXPECT(pthread_setschedparam(thread, SCHED_OTHER, &param) == 0);
    EXPECT(pthread_setschedprio(thread, 0) == 0 && pthread_setschedprio(thread, 1) == EINVAL);
    EXPECT(pthread_getaffinity_np(thread, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0);
    EXPECT(pthread_setaffinity_np(thread, sizeof(set), &set) == ENOTSUP);
    EXPECT(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == ENOTSUP);
}

static void expect_refused_attributes(void) {
    pthread_mutexattr_t mutex_attr;
    pthread_attr_t attr;
    struct sched_param param = {.sched_priority = 1};
    sigset_t mask;
    EXPECT(pthread_mutexattr_init(&mutex_attr) == 0);
    EXPECT(pthread_mutexattr_setprotocol(&mutex_attr, PTHREAD_PRIO_NONE) == 0);
    EXPECT(pthread_mutexattr_setprotocol(&mutex_attr, PTHREAD_PRIO_INHERIT) == ENOTSUP);
    EXPECT(pthread_mutexattr_setrobust(&mutex_attr, PTHREAD_MUTEX_ROBUST) == ENOTSUP);
    EXPECT(pthread_attr_init(&attr) == 0);
    EXPECT(pthread_attr_setschedpolicy(&attr, SCHED_RR) == ENOTSUP);
    EXPECT(pthread_attr_setschedparam(&attr, &param) == ENOTSUP);
    EXPECT(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == ENOTSUP);
    EXPECT(pthread_attr_getsigmask_np(&attr, &mask) == PTHREAD_ATTR_NO_SIGMASK_NP);
}

int main(void) {
    pthread_t thread;
    EXPECT(pthread_kill(pthread_self(), 0) == 0);
    EXPECT(sem_init(&go, 0, 0) == 0);
    EXPECT(pthread_create(&thread, NULL, wait_for_go, NULL) == 0);
    expect_refusals(thread);
    expect_refusals(pthread_self());
    expect_refused_attributes();
    EXPECT(sem_post(&go) == 0 && pthread_join(thread, NULL) == 0);
    pass("refusals");
    return 0;
}
