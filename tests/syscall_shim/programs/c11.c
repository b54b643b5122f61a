/* SPDX-License-Identifier: Apache-2.0
 *
 * <threads.h>: results (negative ones too), mutexes, condition variables, call_once, thread-specific storage, sleep.
 */
#include <stdint.h>
#include <threads.h>
#include <time.h>

#include "expect.h"

enum { kThreads = 10, kRounds = 100 };

static mtx_t mutex;
static cnd_t changed;
static once_flag once = ONCE_FLAG_INIT;
static tss_t storage;
static int counter, onces, destroyed;

static void count_once(void) { ++onces; }
static void count_destroyed(void* value) { __atomic_add_fetch(&destroyed, value != NULL, __ATOMIC_RELAXED); }

static int work(void* arg) {
    call_once(&once, count_once);
    EXPECT(tss_get(storage) == NULL && tss_set(storage, arg) == thrd_success);
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(mtx_lock(&mutex) == thrd_success);
        ++counter;
        EXPECT(cnd_broadcast(&changed) == thrd_success);
        EXPECT(mtx_unlock(&mutex) == thrd_success);
        thrd_yield();
    }
    EXPECT(tss_get(storage) == arg);
    if (*(int*)arg == 0) thrd_exit(-1000);
    return -*(int*)arg;
}

int main(void) {
    thrd_t threads[kThreads];
    int numbers[kThreads], result;
    EXPECT(mtx_init(&mutex, mtx_timed | mtx_recursive) == thrd_success && cnd_init(&changed) == thrd_success);
    EXPECT(tss_create(&storage, count_destroyed) == thrd_success);
    for (int i = 0; i < kThreads; ++i) {
        numbers[i] = i;
        EXPECT(thrd_create(&threads[i], work, &numbers[i]) == thrd_success);
    }
    EXPECT(mtx_lock(&mutex) == thrd_success && mtx_trylock(&mutex) == thrd_success);
    EXPECT(mtx_unlock(&mutex) == thrd_success);
    while (counter < kThreads * kRounds) EXPECT(cnd_wait(&changed, &mutex) == thrd_success);
    struct timespec past = {1, 0}, moment = {0, 1000000};
    EXPECT(cnd_timedwait(&changed, &mutex, &past) == thrd_timedout);
    EXPECT(mtx_unlock(&mutex) == thrd_success);
    for (int i = 0; i < kThreads; ++i) {
        EXPECT(thrd_join(threads[i], &result) == thrd_success);
        EXPECT(result == (i == 0 ? -1000 : -i));
    }
    EXPECT(onces == 1 && destroyed == kThreads);
    EXPECT(thrd_sleep(&moment, NULL) == 0);
    EXPECT(thrd_equal(thrd_current(), thrd_current()));
    mtx_destroy(&mutex);
    cnd_destroy(&changed);
    tss_delete(storage);
    pass("c11");
    return 0;
}
