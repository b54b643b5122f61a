/* SPDX-License-Identifier: Apache-2.0
 *
 * pthread threads by their libc names: results, handles, names, attributes, joins with deadlines, detached threads,
 * and mutexes from static initialisers. Nothing here depends on how threads interleave.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "expect.h"

enum { kThreads = 50, kRounds = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter;
static int may_end, detached_done;

static void* count(void* arg) {
    for (int i = 0; i < kRounds; ++i) {
        pthread_mutex_lock(&mutex);
        long seen = counter;
        if (i % 10 == 0) sched_yield();
        counter = seen + 1;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

static void test_results(void) {
    pthread_t threads[kThreads];
    for (intptr_t i = 0; i < kThreads; ++i) EXPECT(pthread_create(&threads[i], NULL, count, (void*)i) == 0);
    for (intptr_t i = 0; i < kThreads; ++i) {
        void* result;
        EXPECT(pthread_join(threads[i], &result) == 0);
        EXPECT((intptr_t)result == i);
    }
    EXPECT(counter == (long)kThreads * kRounds);
    pass("results");
}

static void* wait_for_end(void* arg) {
    pthread_mutex_lock(&mutex);
    while (!may_end) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void allow_end(void) {
    pthread_mutex_lock(&mutex);
    may_end = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void test_joins_with_deadlines(void) {
    pthread_t thread;
    may_end = 0;
    EXPECT(pthread_create(&thread, NULL, wait_for_end, &counter) == 0);
    EXPECT(pthread_tryjoin_np(thread, NULL) == EBUSY);
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    EXPECT(pthread_timedjoin_np(thread, NULL, &deadline) == ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    EXPECT(pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &deadline) == ETIMEDOUT);
    EXPECT(pthread_join(pthread_self(), NULL) == EDEADLK);
    allow_end();
    void* result;
    deadline.tv_sec += 30;
    EXPECT(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &deadline) == 0);
    EXPECT(result == &counter);
    pass("joins with deadlines");
}

static void* say_done(void* arg) {
    EXPECT(pthread_detach(pthread_self()) == 0);
    pthread_mutex_lock(&mutex);
    detached_done = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void test_detached(void) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, say_done, NULL) == 0);
    pthread_mutex_lock(&mutex);
    while (!detached_done) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    pass("detached");
}

static void* name_itself(void* arg) {
    char name[16];
    EXPECT(pthread_setname_np(pthread_self(), "worker bee") == 0);
    EXPECT(pthread_setname_np(pthread_self(), "sixteen letters!") == ERANGE);
    EXPECT(pthread_getname_np(pthread_self(), name, sizeof(name)) == 0);
    EXPECT(strcmp(name, "worker bee") == 0);
    return arg;
}

static void* find_its_stack(void* arg) {
    pthread_attr_t attr;
    void* lowest;
    size_t bytes;
    char here;
    EXPECT(pthread_getattr_np(pthread_self(), &attr) == 0);
    EXPECT(pthread_attr_getstack(&attr, &lowest, &bytes) == 0);
    EXPECT(&here >= (char*)lowest && &here < (char*)lowest + bytes);
    EXPECT(pthread_attr_destroy(&attr) == 0);
    return arg;
}

static void test_attributes(void) {
    pthread_attr_t attr;
    pthread_t thread;
    size_t bytes;
    int value;
    EXPECT(pthread_attr_init(&attr) == 0);
    EXPECT(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1) == EINVAL);
    EXPECT(pthread_attr_setstacksize(&attr, 256 * 1024) == 0);
    EXPECT(pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes == 256 * 1024);
    EXPECT(pthread_attr_getdetachstate(&attr, &value) == 0 && value == PTHREAD_CREATE_JOINABLE);
    EXPECT(pthread_attr_setschedpolicy(&attr, SCHED_OTHER) == 0);
    EXPECT(pthread_attr_getschedpolicy(&attr, &value) == 0 && value == SCHED_OTHER);
    EXPECT(pthread_attr_getscope(&attr, &value) == 0 && value == PTHREAD_SCOPE_SYSTEM);
    EXPECT(pthread_create(&thread, &attr, name_itself, NULL) == 0 && pthread_join(thread, NULL) == 0);
    EXPECT(pthread_create(&thread, &attr, find_its_stack, NULL) == 0 && pthread_join(thread, NULL) == 0);
    EXPECT(pthread_attr_destroy(&attr) == 0);
    pass("attributes");
}

static void test_static_mutexes(void) {
    EXPECT(pthread_mutex_lock(&recursive) == 0 && pthread_mutex_lock(&recursive) == 0);
    EXPECT(pthread_mutex_unlock(&recursive) == 0 && pthread_mutex_unlock(&recursive) == 0);
    EXPECT(pthread_mutex_unlock(&recursive) == EPERM);
    EXPECT(pthread_mutex_lock(&checking) == 0 && pthread_mutex_lock(&checking) == EDEADLK);
    EXPECT(pthread_mutex_trylock(&checking) == EBUSY);
    EXPECT(pthread_mutex_unlock(&checking) == 0 && pthread_mutex_unlock(&checking) == EPERM);
    pass("static mutexes");
}

int main(void) {
    pthread_t self = pthread_self();
    pthread_mutex_lock(&mutex); /* held across the start of the first thread */
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, count, NULL) == 0);
    EXPECT(counter == 0);
    pthread_mutex_unlock(&mutex);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(counter == kRounds);
    counter = 0;
    EXPECT(pthread_equal(self, pthread_self()));
    find_its_stack(NULL);
    test_static_mutexes();
    test_results();
    test_joins_with_deadlines();
    test_detached();
    test_attributes();
    return 0;
}
