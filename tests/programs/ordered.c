// SPDX-License-Identifier: Apache-2.0
//
// Threads that share memory in every way that orders their accesses: the race detector must be silent. Each step has a
// variable of its own, written by one thread and read by another after a mutex, condition variable, semaphore, barrier,
// readers-writer lock, once, atomic flag, pipe, or the end of a thread; and memory and stacks that one thread had and
// another has now.
//
// Plain POSIX: it ends with status 0, natively, too.

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kRounds = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static atomic_int flag;
static int ends[2];
static int by_mutex, by_cond, by_rwlock, by_barrier, by_once, by_semaphore, by_flag, by_pipe, by_join;
static int condition;
static char text[64];

static void expect(int value) {
    if (!value) {
        abort();
    }
}

static void initialise(void) { by_once = 1; }

static void* write_all(void* unused) {
    char byte = 1;
    pthread_mutex_lock(&mutex);
    by_mutex++;
    by_cond = 1;
    condition = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_wrlock(&rwlock);
    by_rwlock++;
    pthread_rwlock_unlock(&rwlock);
    by_semaphore = 1;
    sem_post(&semaphore);
    pthread_once(&once, initialise);
    expect(by_once == 1);
    memset(text, 'x', sizeof text);
    by_flag = 1;
    atomic_store_explicit(&flag, 1, memory_order_release);
    by_pipe = 1;
    expect(write(ends[1], &byte, 1) == 1);
    by_barrier = 1;
    pthread_barrier_wait(&barrier);
    by_join = 1;
    return unused;
}

static void* read_all(void* unused) {
    char byte;
    char copy[sizeof text];
    pthread_mutex_lock(&mutex);
    while (!condition) {
        pthread_cond_wait(&cond, &mutex);
    }
    expect(by_cond == 1);
    by_mutex++;
    pthread_mutex_unlock(&mutex);
    pthread_rwlock_rdlock(&rwlock);
    expect(by_rwlock <= 1);
    pthread_rwlock_unlock(&rwlock);
    sem_wait(&semaphore);
    expect(by_semaphore == 1);
    pthread_once(&once, initialise);
    expect(by_once == 1);
    expect(read(ends[0], &byte, 1) == 1 && by_pipe == 1);
    while (atomic_load_explicit(&flag, memory_order_acquire) == 0) {
    }
    expect(by_flag == 1);
    memcpy(copy, text, sizeof text);
    expect(copy[1] == 'x');
    pthread_barrier_wait(&barrier);
    expect(by_barrier == 1);
    return unused;
}

static void* use_memory(void* unused) {
    volatile int local[64];
    int* block = malloc(sizeof *block);
    expect(block != NULL);
    for (int i = 0; i < 64; ++i) {
        local[i] = i;
    }
    *block = local[1];
    free(block);
    return unused;
}

int main(void) {
    pthread_t one, other;
    expect(pthread_barrier_init(&barrier, NULL, 2) == 0 && sem_init(&semaphore, 0, 0) == 0 && pipe(ends) == 0);
    expect(pthread_create(&one, NULL, read_all, NULL) == 0 && pthread_create(&other, NULL, write_all, NULL) == 0);
    expect(pthread_join(one, NULL) == 0 && pthread_join(other, NULL) == 0);
    expect(by_join == 1 && by_mutex == 2);
    for (int i = 0; i < kRounds; ++i) {
        expect(pthread_create(&one, NULL, use_memory, NULL) == 0 &&
               pthread_create(&other, NULL, use_memory, NULL) == 0);
        expect(pthread_join(one, NULL) == 0 && pthread_join(other, NULL) == 0);
    }
    return 0;
}
