// SPDX-License-Identifier: Apache-2.0
//
// timed_wait: main waits for a parcel, but not for ever: first in vain, then with success.
//
// Teaches: pthread_cond_timedwait. Its limit is a point in time, not a length, so that a loop around it does not start
// anew after each wake-up. The clock is CLOCK_MONOTONIC, chosen in the attributes: the default one jumps when somebody
// sets it. After ETIMEDOUT the condition is looked at once more, since both may happen at once.
//
//     cc -pthread timed_wait.c net.c -o timed_wait && ./timed_wait

#include <stdbool.h>

#include "check.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool ordered;  // guarded by the mutex, like the next
static bool delivered;

static struct timespec from_now(long milliseconds) {
    struct timespec at;
    if (clock_gettime(CLOCK_MONOTONIC, &at) != 0) {
        fatal("clock_gettime");
    }
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += milliseconds % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

// Whether the parcel came within so many milliseconds. Called with the mutex held.
static bool wait_for_parcel(long milliseconds) {
    struct timespec limit = from_now(milliseconds);
    int error = 0;
    while (!delivered && error != ETIMEDOUT) {
        error = pthread_cond_timedwait(&changed, &mutex, &limit);
        if (error != ETIMEDOUT) {
            check(error, "pthread_cond_timedwait");
        }
    }
    return delivered;
}

static void* deliver(void* unused) {
    (void)unused;
    lock(&mutex);
    while (!ordered) {
        wait_for(&changed, &mutex);
    }
    delivered = true;
    notify_all(&changed);
    unlock(&mutex);
    return NULL;
}

int main(void) {
    pthread_condattr_t attributes;
    check(pthread_condattr_init(&attributes), "pthread_condattr_init");
    check(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    check(pthread_cond_init(&changed, &attributes), "pthread_cond_init");
    check(pthread_condattr_destroy(&attributes), "pthread_condattr_destroy");
    pthread_t courier = start_thread(deliver, NULL);
    lock(&mutex);
    puts(wait_for_parcel(50) ? "a parcel that nobody ordered" : "nothing came in 50 ms");
    ordered = true;
    notify_all(&changed);
    puts(wait_for_parcel(20000) ? "the parcel came" : "nothing came in 20 s");
    unlock(&mutex);
    join_thread(courier);
    return 0;
}
