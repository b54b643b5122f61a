// SPDX-License-Identifier: Apache-2.0
//
// Prints a word for each thing that POSIX leaves open and that happened: "wake" (a wait for a condition ended without a
// signal), "piece" (a stream brought less than was there), "eintr" (a read or a sleep was interrupted), "late" (a
// timeout passed while a wake-up was on its way), "fail" (a thread or a pipe could not be made). What POSIX forbids
// ends the process with 1: a pipe that splits a short message, EINTR without a handler that causes it. With the word
// "handler" a handler without SA_RESTART is installed, with "restart" one with it.

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "expect.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t posted;
static int told;
static int may_be_interrupted;
static int has_handler;  // which ends a wait with a timeout even if it restarts calls

static void on_signal(int number) { (void)number; }

static void happened(const char* what) { puts(what); }

static void* tell(void* arg) {
    (void)arg;
    pthread_mutex_lock(&mutex);
    told = 1;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    sem_post(&posted);
    return NULL;
}

static void* look(void* arg) {
    struct timespec until;
    (void)arg;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3600;
    if (sem_timedwait(&posted, &until) != 0) {
        EXPECT(errno == ETIMEDOUT || (has_handler && errno == EINTR));
        happened(errno == ETIMEDOUT ? "late" : "eintr");
    }
    return NULL;
}

static int make(pthread_t* thread, void* (*start)(void*)) {
    int error = pthread_create(thread, NULL, start, NULL);
    if (error != 0) {
        EXPECT(error == EAGAIN);
        happened("fail");
    }
    return error == 0;
}

static void wait_to_be_told(void) {
    pthread_t teller;
    pthread_t looker;
    sem_init(&posted, 0, 0);
    told = 0;
    if (!make(&teller, tell)) return;
    int looks = make(&looker, look);
    pthread_mutex_lock(&mutex);
    while (!told) {
        pthread_cond_wait(&cond, &mutex);
        if (!told) happened("wake");
    }
    pthread_mutex_unlock(&mutex);
    pthread_join(teller, NULL);
    if (looks) pthread_join(looker, NULL);
}

static void read_from_a_stream(void) {
    int pair[2];
    char text[64];
    size_t got = 0;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    while (write(pair[0], "0123456789", 10) < 0) EXPECT(errno == EINTR && may_be_interrupted);
    while (got < 10) {
        ssize_t now = read(pair[1], text + got, sizeof text - got);
        if (now < 0) {
            EXPECT(errno == EINTR && may_be_interrupted);
            happened("eintr");
            continue;
        }
        if (now < 10) happened("piece");
        got += (size_t)now;
    }
    EXPECT(memcmp(text, "0123456789", 10) == 0);
    close(pair[0]);
    close(pair[1]);
}

static void read_from_a_pipe(void) {
    int ends[2];
    char text[64];
    if (pipe(ends) != 0) {
        EXPECT(errno == EMFILE);
        happened("fail");
        return;
    }
    while (write(ends[1], "0123456789", 10) < 0) EXPECT(errno == EINTR && may_be_interrupted);
    ssize_t now = -1;
    while ((now = read(ends[0], text, sizeof text)) < 0) EXPECT(errno == EINTR && may_be_interrupted);
    EXPECT(now == 10);
    close(ends[0]);
    close(ends[1]);
}

int main(int argc, char** argv) {
    struct sigaction action = {.sa_handler = on_signal};
    if (argc > 1) {
        action.sa_flags = strcmp(argv[1], "restart") == 0 ? SA_RESTART : 0;
        EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
        may_be_interrupted = action.sa_flags == 0;
        has_handler = 1;
    }
    for (int round = 0; round < 10; ++round) {
        wait_to_be_told();
        read_from_a_stream();
        read_from_a_pipe();
    }
    return 0;
}
