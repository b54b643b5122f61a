/* SPDX-License-Identifier: Apache-2.0
 *
 * The sleep family: threads that sleep together wake in the order of their times, each after its time and all in about
 * the longest; wrong times are refused.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "expect.h"

enum { kSleepers = 4, kStepMilliseconds = 100 };

static struct timespec started;
static int order[kSleepers], woken;

static long milliseconds_since_start(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - started.tv_sec) * 1000 + (now.tv_nsec - started.tv_nsec) / 1000000;
}

static void* sleep_for_its_number(void* arg) {
    int number = (int)(intptr_t)arg;
    long milliseconds = (number + 1) * kStepMilliseconds;
    struct timespec duration = {0, milliseconds * 1000000}, deadline = started;
    deadline.tv_nsec += duration.tv_nsec;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    switch (number) {
        case 0:
            EXPECT(usleep((useconds_t)milliseconds * 1000) == 0);
            break;
        case 1:
            EXPECT(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == 0);
            break;
        case 2:
            EXPECT(clock_nanosleep(CLOCK_REALTIME, 0, &duration, NULL) == 0);
            break;
        default:
            EXPECT(nanosleep(&duration, NULL) == 0);
    }
    EXPECT(milliseconds_since_start() >= milliseconds - 1);
    order[__atomic_fetch_add(&woken, 1, __ATOMIC_RELAXED)] = number;
    return NULL;
}

int main(void) {
    pthread_t threads[kSleepers];
    clock_gettime(CLOCK_MONOTONIC, &started);
    for (intptr_t i = kSleepers - 1; i >= 0; --i) {
        EXPECT(pthread_create(&threads[i], NULL, sleep_for_its_number, (void*)i) == 0);
    }
    for (int i = 0; i < kSleepers; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < kSleepers; ++i) EXPECT(order[i] == i);
    pass("in order");
    struct timespec wrong = {0, 1000000000};
    EXPECT(nanosleep(&wrong, NULL) == -1 && errno == EINVAL);
    EXPECT(clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, NULL) == EINVAL);
    EXPECT(sleep(0) == 0);
    pass("refused");
    return 0;
}
