// SPDX-License-Identifier: Apache-2.0
//
// A program whose output is the order in which its threads ran: four of them meet at a mutex, a condition variable, a
// semaphore, pipes and in sleeps, and note each step. Correct in any order; native runs print any of them. With the
// word "times" it prints the clock's readings, too. It handles a fault, which is no reason for a call to be
// interrupted.

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"

enum { kThreads = 4, kRounds = 5, kMostNotes = 4096 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static sem_t tokens;
static int ends[2];
static int turns;
static int notes;
static char note_of[kMostNotes][64];
static int with_times;

static void note(int thread, const char* what) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&mutex);
    EXPECT(notes < kMostNotes);
    snprintf(note_of[notes], sizeof note_of[notes], "%d %s", thread, what);
    if (with_times) {
        size_t length = strlen(note_of[notes]);
        snprintf(note_of[notes] + length, sizeof note_of[notes] - length, " %lld.%09ld", (long long)now.tv_sec,
                 now.tv_nsec);
    }
    ++notes;
    pthread_mutex_unlock(&mutex);
}

static void wait_for_a_turn(int thread) {
    pthread_mutex_lock(&mutex);
    int seen = ++turns;
    if (seen % 2 == 0) {
        pthread_cond_broadcast(&turned);
    } else {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 2000000 * (thread + 1);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        while (turns == seen && pthread_cond_timedwait(&turned, &mutex, &until) == 0) {
        }
    }
    pthread_mutex_unlock(&mutex);
}

static void* run(void* arg) {
    int thread = (int)(long)arg;
    for (int round = 0; round < kRounds; ++round) {
        note(thread, "begins");
        wait_for_a_turn(thread);
        note(thread, "had its turn");
        EXPECT(sem_wait(&tokens) == 0);
        char byte = (char)('a' + thread);
        EXPECT(write(ends[1], &byte, 1) == 1);
        sem_post(&tokens);
        nanosleep(&(struct timespec){0, 1000000 * ((thread + round) % 3)}, NULL);
        note(thread, "slept");
    }
    return NULL;
}

static void on_fault(int number) { _exit(number); }

int main(int argc, char** argv) {
    struct sigaction action = {.sa_handler = on_fault};
    EXPECT(sigaction(SIGSEGV, &action, NULL) == 0);
    with_times = argc > 1 && strcmp(argv[1], "times") == 0;
    pthread_t threads[kThreads];
    EXPECT(pipe(ends) == 0);
    EXPECT(sem_init(&tokens, 0, 2) == 0);
    for (long i = 0; i < kThreads; ++i) {
        EXPECT(pthread_create(&threads[i], NULL, run, (void*)i) == 0);
    }
    char got[kThreads * kRounds];
    for (int i = 0; i < kThreads * kRounds; ++i) {
        EXPECT(read(ends[0], &got[i], 1) == 1);
        note(9, (char[]){'r', 'e', 'a', 'd', ' ', got[i], 0});
    }
    for (int i = 0; i < kThreads; ++i) {
        EXPECT(pthread_join(threads[i], NULL) == 0);
    }
    for (int i = 0; i < notes; ++i) {
        puts(note_of[i]);
    }
    return 0;
}
