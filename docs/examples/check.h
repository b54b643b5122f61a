// SPDX-License-Identifier: Apache-2.0
//
// The pthread calls of the lessons, with the check of their result: a call that fails ends the program with its name
// and the reason (net.h). It is short enough to be read with the first lesson, which then shows nothing but the idea.
//
// Inline, so that a lesson is one file to compile beside net.c.

#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"

// For a function that returns 0 or an error number.
static inline void check(int error, const char* what) {
    if (error != 0) {
        fatal_error(error, what);
    }
}

static inline pthread_t start_thread(void* (*routine)(void*), void* argument) {
    pthread_t thread;
    check(pthread_create(&thread, NULL, routine, argument), "pthread_create");
    return thread;
}

static inline void* join_thread(pthread_t thread) {
    void* result = NULL;
    check(pthread_join(thread, &result), "pthread_join");
    return result;
}

static inline void lock(pthread_mutex_t* mutex) { check(pthread_mutex_lock(mutex), "pthread_mutex_lock"); }
static inline void unlock(pthread_mutex_t* mutex) { check(pthread_mutex_unlock(mutex), "pthread_mutex_unlock"); }
static inline void wait_for(pthread_cond_t* condition, pthread_mutex_t* mutex) {
    check(pthread_cond_wait(condition, mutex), "pthread_cond_wait");
}
static inline void notify(pthread_cond_t* condition) { check(pthread_cond_signal(condition), "pthread_cond_signal"); }
static inline void notify_all(pthread_cond_t* condition) {
    check(pthread_cond_broadcast(condition), "pthread_cond_broadcast");
}

static inline void sleep_ms(long milliseconds) {
    struct timespec left = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
        if (errno != EINTR) {
            fatal("nanosleep");
        }
    }
}

// The number in argv[index], or `otherwise` when there is none. Ends the program if it is not in 1..most.
static inline long number_argument(int argc, char** argv, int index, long otherwise, long most) {
    if (index >= argc) {
        return otherwise;
    }
    char* end = NULL;
    long number = strtol(argv[index], &end, 10);
    if (end == argv[index] || *end != 0 || number < 1 || number > most) {
        fprintf(stderr, "%s: '%s' is not a number from 1 to %ld\n", argv[0], argv[index], most);
        exit(2);
    }
    return number;
}

#endif
