/* SPDX-License-Identifier: Apache-2.0
 *
 * Condition variables, reader-writer locks, barriers, spin locks, semaphores and once by their libc names: each makes
 * threads take turns in the one order that is right.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <time.h>

#include "expect.h"

enum { kTurns = 2000, kThreads = 8, kRounds = 100 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static pthread_spinlock_t spin;
static sem_t items, rooms;
static int turn, readers, most_readers, onces, serials;
static long sum;

static void run(int count, void* (*body)(void*)) {
    pthread_t threads[kThreads];
    for (intptr_t i = 0; i < count; ++i) EXPECT(pthread_create(&threads[i], NULL, body, (void*)i) == 0);
    for (int i = 0; i < count; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
}

static void* play(void* arg) {
    int side = (int)(intptr_t)arg;
    for (int i = 0; i < kTurns; ++i) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != side) pthread_cond_wait(&changed, &mutex);
        ++turn;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void test_ping_pong(void) {
    run(2, play);
    EXPECT(turn == 2 * kTurns);
    pass("ping-pong");
}

static void test_timeouts(void) {
    struct timespec past, start, end;
    pthread_condattr_t attr;
    pthread_cond_t monotonic;
    clock_gettime(CLOCK_REALTIME, &past);
    pthread_mutex_lock(&mutex);
    EXPECT(pthread_cond_timedwait(&changed, &mutex, &past) == ETIMEDOUT);
    EXPECT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    EXPECT(pthread_cond_init(&monotonic, &attr) == 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    struct timespec deadline = start;
    deadline.tv_sec += deadline.tv_nsec >= 980000000;
    deadline.tv_nsec = (deadline.tv_nsec + 20000000) % 1000000000;
    EXPECT(pthread_cond_timedwait(&monotonic, &mutex, &deadline) == ETIMEDOUT);
    clock_gettime(CLOCK_MONOTONIC, &end);
    EXPECT((end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000 >= 19);
    EXPECT(pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, &start) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
    EXPECT(pthread_cond_destroy(&monotonic) == 0 && pthread_condattr_destroy(&attr) == 0);
    pass("timeouts");
}

static void* read_or_write(void* arg) {
    int writes = (intptr_t)arg % 4 == 0;
    for (int i = 0; i < kRounds; ++i) {
        if (writes) {
            EXPECT(pthread_rwlock_wrlock(&rwlock) == 0);
            EXPECT(readers == 0);
            sum += 1;
        } else {
            EXPECT(pthread_rwlock_rdlock(&rwlock) == 0);
            int now = __atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED);
            if (now > most_readers) most_readers = now;
            sched_yield();
            __atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
        }
        EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return NULL;
}

static void test_rwlock(void) {
    run(kThreads, read_or_write);
    EXPECT(sum == 2 * kRounds);
    EXPECT(pthread_rwlock_tryrdlock(&rwlock) == 0 && pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    struct timespec past;
    clock_gettime(CLOCK_REALTIME, &past);
    EXPECT(pthread_rwlock_timedwrlock(&rwlock, &past) == ETIMEDOUT);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    pass("rwlock");
}

static void* meet(void* arg) {
    for (int i = 0; i < kRounds; ++i) {
        __atomic_add_fetch(&sum, 1, __ATOMIC_RELAXED);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            EXPECT(sum == (long)kThreads * (i + 1));
            ++serials;
        }
        pthread_barrier_wait(&barrier);
    }
    return arg;
}

static void test_barrier(void) {
    sum = 0;
    EXPECT(pthread_barrier_init(&barrier, NULL, kThreads) == 0);
    run(kThreads, meet);
    EXPECT(serials == kRounds);
    EXPECT(pthread_barrier_destroy(&barrier) == 0);
    pass("barrier");
}

static void* spin_and_add(void* arg) {
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(pthread_spin_lock(&spin) == 0);
        ++sum;
        EXPECT(pthread_spin_unlock(&spin) == 0);
    }
    return arg;
}

static void test_spin(void) {
    sum = 0;
    EXPECT(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    run(kThreads, spin_and_add);
    EXPECT(sum == (long)kThreads * kRounds);
    EXPECT(pthread_spin_lock(&spin) == 0 && pthread_spin_trylock(&spin) == EBUSY);
    EXPECT(pthread_spin_unlock(&spin) == 0 && pthread_spin_destroy(&spin) == 0);
    pass("spin");
}

static void* pass_items(void* arg) {
    int produces = (intptr_t)arg == 0;
    for (int i = 0; i < kTurns; ++i) {
        EXPECT(sem_wait(produces ? &rooms : &items) == 0);
        if (produces) {
            turn = i;
        } else {
            EXPECT(turn == i);
        }
        EXPECT(sem_post(produces ? &items : &rooms) == 0);
    }
    return NULL;
}

static void test_semaphores(void) {
    int value;
    struct timespec past = {0, 0};
    EXPECT(sem_init(&items, 0, 0) == 0 && sem_init(&rooms, 0, 1) == 0);
    run(2, pass_items);
    EXPECT(sem_getvalue(&rooms, &value) == 0 && value == 1);
    EXPECT(sem_trywait(&items) == -1 && errno == EAGAIN);
    EXPECT(sem_timedwait(&items, &past) == -1 && errno == ETIMEDOUT);
    EXPECT(sem_clockwait(&items, CLOCK_MONOTONIC, &past) == -1 && errno == ETIMEDOUT);
    EXPECT(sem_destroy(&items) == 0 && sem_destroy(&rooms) == 0);
    pass("semaphores");
}

static void count_once(void) {
    for (int i = 0; i < 10; ++i) sched_yield();
    ++onces;
}

static void* call_once_each(void* arg) {
    EXPECT(pthread_once(&once, count_once) == 0);
    EXPECT(onces == 1);
    return arg;
}

int main(void) {
    test_ping_pong();
    test_timeouts();
    test_rwlock();
    test_barrier();
    test_spin();
    test_semaphores();
    run(kThreads, call_once_each);
    pass("once");
    return 0;
}
