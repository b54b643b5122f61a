/* SPDX-License-Identifier: Apache-2.0
 *
 * Something to look into (inspect_test.py). It says "ready" when its threads stand still and ends when its standard
 * input does. By its argument: waits      a thread for each kind of wait; the lines where they wait are marked many N
 * N threads wait at one place while a thread named pulse sleeps for a millisecond over and over; the longest that it
 * was away is printed at the end fork       waits, and a child with a thread of its own, whose number is printed before
 * "ready" exec PROG  becomes PROG while a thread waits loop       a thread keeps its worker until the end of the input
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER, cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static sem_t tokens;
static int pipe_ends[2], over, standing;
static volatile int never;

static void say(const char* text) { EXPECT(write(STDOUT_FILENO, text, strlen(text)) > 0); }

static void await_end_of_input(void) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

static void arrive(void) { __atomic_fetch_add(&standing, 1, __ATOMIC_SEQ_CST); }

static void* wait_for_mutex(void* arg) {
    arrive();
    pthread_mutex_lock(&table_lock);  // MARK mutex
    pthread_mutex_unlock(&table_lock);
    return arg;
}

static void* wait_for_change(void* arg) {
    pthread_mutex_lock(&cond_lock);
    arrive();
    while (!over) {
        pthread_cond_wait(&changed, &cond_lock);  // MARK condvar
    }
    pthread_mutex_unlock(&cond_lock);
    return arg;
}

static void* wait_for_token(void* arg) {
    arrive();
    while (sem_wait(&tokens) != 0) {  // MARK semaphore
    }
    return arg;
}

static void* wait_for_byte(void* arg) {
    char byte;
    arrive();
    EXPECT(read(pipe_ends[0], &byte, 1) == 0);  // MARK read
    return arg;
}

static void* wait_for_thread(void* other) {
    arrive();
    EXPECT(pthread_join(*(pthread_t*)other, NULL) == 0);  // MARK join
    return NULL;
}

static pthread_t start(void* (*run)(void*), void* arg, const char* name) {
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN);
    EXPECT(pthread_create(&thread, &small, run, arg) == 0);
    if (name != NULL) pthread_setname_np(thread, name);
    return thread;
}

/* All have said that they are about to wait, and a moment later they do. */
static void await_standing(int count) {
    struct timespec moment = {0, 20000000};
    while (__atomic_load_n(&standing, __ATOMIC_SEQ_CST) < count) nanosleep(&moment, NULL);
    nanosleep(&moment, NULL);
}

static int waits(int also_in_child) {
    EXPECT(pipe(pipe_ends) == 0 && sem_init(&tokens, 0, 0) == 0);
    pthread_mutex_lock(&table_lock);
    pthread_t on_mutex = start(wait_for_mutex, NULL, "on mutex");
    pthread_t on_change = start(wait_for_change, NULL, "on change");
    pthread_t on_token = start(wait_for_token, NULL, "on token");
    pthread_t on_byte = start(wait_for_byte, NULL, "on byte");
    pthread_t on_thread = start(wait_for_thread, &on_token, "on thread");
    await_standing(5);
    if (also_in_child) {
        pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            start(wait_for_token, NULL, "in child");
            await_standing(6);
            char line[32];
            snprintf(line, sizeof line, "%d\n", (int)getpid());
            say(line);
            for (int descriptor = 0; descriptor < 3; ++descriptor) close(descriptor);
            close(pipe_ends[1]);
            for (;;) pause();
        }
    } else {
        say("ready\n");
    }
    await_end_of_input();
    over = 1;
    pthread_mutex_unlock(&table_lock);
    pthread_mutex_lock(&cond_lock);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&cond_lock);
    sem_post(&tokens);
    close(pipe_ends[1]);
    pthread_t all[] = {on_mutex, on_change, on_byte, on_thread};
    for (int i = 0; i < 4; ++i) EXPECT(pthread_join(all[i], NULL) == 0);
    return 0;
}

static long nanoseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void* pulse(void* longest) {
    struct timespec beat = {0, 1000000};
    arrive();
    for (long before = nanoseconds_now(); !__atomic_load_n(&over, __ATOMIC_SEQ_CST);) {
        nanosleep(&beat, NULL);
        long now = nanoseconds_now();
        if (now - before > *(long*)longest) *(long*)longest = now - before;
        before = now;
    }
    return NULL;
}

static int many(int count) {
    long longest = 0;
    EXPECT(sem_init(&tokens, 0, 0) == 0);
    for (int i = 0; i < count; ++i) start(wait_for_token, NULL, NULL);
    await_standing(count);
    pthread_t beating = start(pulse, &longest, "pulse");
    await_standing(count + 1);
    say("ready\n");
    await_end_of_input();
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    pthread_join(beating, NULL);
    char line[64];
    snprintf(line, sizeof line, "away for %ld us at most\n", longest / 1000);
    say(line);
    _exit(0);
}

static void* loop(void* arg) {
    arrive();
    while (!never) {
    }
    return arg;
}

static int keep_worker(void) {
    pthread_t looping = start(loop, NULL, "looping");
    say("ready\n");
    return pthread_join(looping, NULL);
}

int main(int count, char** arguments) {
    const char* way = count > 1 ? arguments[1] : "";
    if (strcmp(way, "waits") == 0 || strcmp(way, "fork") == 0) return waits(*way == 'f');
    if (strcmp(way, "many") == 0 && count == 3) return many(atoi(arguments[2]));
    if (strcmp(way, "loop") == 0) return keep_worker();
    if (strcmp(way, "exec") == 0 && count > 2) {
        start(wait_for_token, NULL, NULL);
        await_standing(1);
        say("ready\n");
        await_end_of_input();
        execv(arguments[2], arguments + 2);
    }
    return 2;
}
