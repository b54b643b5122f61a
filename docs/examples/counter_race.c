// SPDX-License-Identifier: Apache-2.0
//
// counter_race [lock]: four threads add one to the same counter, 100,000 times each. The sum is 400,000, is it not?
//
// Teaches: `counter++` is a load, an addition and a store. Two threads that load the same value lose one of the two
// additions, so the result is anything up to 400,000, and different each time. With the argument `lock`, a mutex makes
// the three steps one, and the sum is right. (Volatile keeps the compiler from adding all at once; it mends nothing.)
//
//     cc -pthread counter_race.c net.c -o counter_race && ./counter_race; ./counter_race lock

#include <stdbool.h>

#include "check.h"

enum { kThreads = 4, kRounds = 100000 };

static volatile long counter;
static bool with_lock;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void* count(void* unused) {
    (void)unused;
    for (int i = 0; i < kRounds; ++i) {
        if (with_lock) {
            lock(&mutex);
        }
        counter++;
        if (with_lock) {
            unlock(&mutex);
        }
    }
    return NULL;
}

int main(int argc, char** argv) {
    with_lock = argc == 2 && strcmp(argv[1], "lock") == 0;
    if (argc > 1 && !with_lock) {
        fprintf(stderr, "usage: counter_race [lock]\n");
        return 2;
    }
    pthread_t threads[kThreads];
    for (int i = 0; i < kThreads; ++i) {
        threads[i] = start_thread(count, NULL);
    }
    for (int i = 0; i < kThreads; ++i) {
        join_thread(threads[i]);
    }
    printf("%s: counted %ld of %d\n", with_lock ? "with a lock" : "without a lock", counter, kThreads * kRounds);
    return 0;
}
