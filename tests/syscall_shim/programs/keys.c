/* SPDX-License-Identifier: Apache-2.0
 *
 * Thread-specific data: a value per thread, destructors at thread exit (again while they set values, four rounds at
 * most), none for the main thread that returns, none for a deleted key; errno is per thread too.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>

#include "expect.h"

enum { kThreads = 20 };

static pthread_key_t key, stubborn, deleted;
static int destroyed, rounds, deleted_runs;

static void destroy(void* value) { __atomic_add_fetch(&destroyed, (int)(intptr_t)value, __ATOMIC_RELAXED); }

static void set_again(void* value) {
    ++rounds;
    EXPECT(pthread_getspecific(stubborn) == NULL);
    EXPECT(pthread_setspecific(stubborn, value) == 0);
}

static void count_deleted(void* value) {
    (void)value;
    ++deleted_runs;
}

static void* keep_own_value(void* arg) {
    EXPECT(pthread_getspecific(key) == NULL);
    EXPECT(pthread_setspecific(key, arg) == 0);
    errno = (int)(intptr_t)arg;
    for (int i = 0; i < 20; ++i) {
        sched_yield();
        EXPECT(pthread_getspecific(key) == arg);
        EXPECT(errno == (int)(intptr_t)arg);
    }
    return NULL;
}

static void* be_stubborn(void* arg) {
    EXPECT(pthread_setspecific(stubborn, arg) == 0);
    EXPECT(pthread_setspecific(deleted, arg) == 0);
    EXPECT(pthread_key_delete(deleted) == 0);
    pthread_exit(NULL);
}

int main(void) {
    pthread_t threads[kThreads];
    EXPECT(pthread_key_create(&key, destroy) == 0);
    EXPECT(pthread_setspecific(key, (void*)1000) == 0);
    for (intptr_t i = 0; i < kThreads; ++i) {
        EXPECT(pthread_create(&threads[i], NULL, keep_own_value, (void*)(i + 1)) == 0);
    }
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(destroyed == kThreads * (kThreads + 1) / 2);
    EXPECT(pthread_getspecific(key) == (void*)1000);
    pass("values and destructors");

    EXPECT(pthread_key_create(&stubborn, set_again) == 0);
    EXPECT(pthread_key_create(&deleted, count_deleted) == 0);
    EXPECT(pthread_create(&threads[0], NULL, be_stubborn, &key) == 0 && pthread_join(threads[0], NULL) == 0);
    EXPECT(rounds == PTHREAD_DESTRUCTOR_ITERATIONS);
    EXPECT(deleted_runs == 0);
    EXPECT(pthread_setspecific(deleted, &key) == EINVAL);
    pass("rounds of destructors");
    return 0;
}
