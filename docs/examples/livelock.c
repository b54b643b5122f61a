// SPDX-License-Identifier: Apache-2.0
//
// livelock: two threads need the same two locks, in opposite order, and are polite: who cannot have the second gives
// the first back and tries again.
//
// Teaches: nobody waits for ever here, and yet it may be that nobody gets on. If both take their first lock at the same
// time, both find the second one taken, both step back, and both try again at the same time. What helps is what helps
// against deadlock, an order of the locks, or a pause of random length.
//
//     cc -g -pthread livelock.c net.c -o livelock && rondo explore --choices 100000 ./livelock

#include <sched.h>

#include "check.h"

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t right = PTHREAD_MUTEX_INITIALIZER;

static void take_both(pthread_mutex_t* first, pthread_mutex_t* second) {
    for (;;) {
        lock(first);
        sched_yield();
        if (pthread_mutex_trylock(second) == 0) {
            return;
        }
        unlock(first);
        sched_yield();
    }
}

static void* from_the_left(void* unused) {
    take_both(&left, &right);
    unlock(&right);
    unlock(&left);
    return unused;
}

static void* from_the_right(void* unused) {
    take_both(&right, &left);
    unlock(&left);
    unlock(&right);
    return unused;
}

int main(void) {
    pthread_t one = start_thread(from_the_left, NULL);
    pthread_t other = start_thread(from_the_right, NULL);
    join_thread(one);
    join_thread(other);
    printf("both have passed\n");
    return 0;
}
