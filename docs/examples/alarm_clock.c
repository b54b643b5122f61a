// SPDX-License-Identifier: Apache-2.0
//
// alarm_clock: reads lines "SECONDS MESSAGE" from stdin and prints each message when its time has come. Fractions of a
// second are allowed. At the end of the input it waits for the alarms that are still set.
//
// Teaches: two things that wait at the same time. One thread cannot sleep and read; with a thread an alarm each does
// one thing, and main is always ready for the next command. The threads are detached: nobody joins them, so main counts
// those that are left under a mutex.
//
//     cc -pthread alarm_clock.c net.c -o alarm_clock && ./alarm_clock

#include <unistd.h>

#include "check.h"

enum { kMessage = 200 };

struct alarm {
    double seconds;
    char message[kMessage];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t none_left = PTHREAD_COND_INITIALIZER;
static long set_alarms;  // guarded by the mutex

static void* sleep_and_print(void* argument) {
    struct alarm* alarm = argument;
    sleep_ms((long)(alarm->seconds * 1000));
    printf("(%g) %s\n", alarm->seconds, alarm->message);
    fflush(stdout);
    free(alarm);
    lock(&mutex);
    if (--set_alarms == 0) {
        notify(&none_left);
    }
    unlock(&mutex);
    return NULL;
}

static void set_alarm(const struct alarm* wanted) {
    struct alarm* alarm = malloc(sizeof *alarm);
    if (alarm == NULL) {
        fatal("malloc");
    }
    *alarm = *wanted;
    lock(&mutex);
    set_alarms++;
    unlock(&mutex);
    pthread_t thread = start_thread(sleep_and_print, alarm);
    check(pthread_detach(thread), "pthread_detach");
}

static void prompt(void) {
    if (isatty(STDIN_FILENO)) {
        printf("alarm> ");
        fflush(stdout);
    }
}

int main(void) {
    char line[kMessage + 50];
    for (prompt(); fgets(line, sizeof line, stdin) != NULL; prompt()) {
        struct alarm wanted;
        if (sscanf(line, "%lf %199[^\n]", &wanted.seconds, wanted.message) == 2 && wanted.seconds >= 0 &&
            wanted.seconds < 1e6) {
            set_alarm(&wanted);
        } else {
            fprintf(stderr, "not an alarm: %s", line);
        }
    }
    lock(&mutex);
    while (set_alarms > 0) {
        wait_for(&none_left, &mutex);
    }
    unlock(&mutex);
    return 0;
}
