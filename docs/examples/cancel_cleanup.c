// SPDX-License-Identifier: Apache-2.0
//
// cancel_cleanup: three threads are cancelled while they wait: in read, in pthread_cond_wait and in a loop that refuses
// to be cancelled until it is done.
//
// Teaches: a cancelled thread ends at the next call that may wait, wherever that is, so whatever it holds must be given
// back by cleanup handlers: memory, descriptors and above all locks. They run in the opposite order of their pushes.
// pthread_cond_wait takes the mutex again before they run. What must not be cut in two disables cancellation meanwhile.
//
//     cc -pthread cancel_cleanup.c net.c -o cancel_cleanup && ./cancel_cleanup

#include <semaphore.h>
#include <unistd.h>

#include "check.h"

static sem_t ready;  // posted by a thread that is about to wait
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int ends[2];

static void say(void* text) { puts(text); }
static void give_back_memory(void* memory) {
    puts("  the memory is given back");
    free(memory);
}
static void give_back_mutex(void* held) {
    puts("  the mutex is given back");
    unlock(held);
}

static void post_ready(void) {
    if (sem_post(&ready) != 0) {
        fatal("sem_post");
    }
}

static void* wait_in_read(void* unused) {
    (void)unused;
    char* buffer = malloc(100);
    pthread_cleanup_push(say, "  the last handler is the first that was pushed");
    pthread_cleanup_push(give_back_memory, buffer);
    post_ready();
    if (read(ends[0], buffer, 100) < 0) {  // nobody writes
        fatal("read");
    }
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void* wait_for_never(void* unused) {
    (void)unused;
    lock(&mutex);
    pthread_cleanup_push(give_back_mutex, &mutex);
    post_ready();
    for (;;) {
        wait_for(&never, &mutex);
    }
    pthread_cleanup_pop(1);
    return NULL;
}

// Reads both bytes although it is cancelled before the first comes.
static void* read_undisturbed(void* unused) {
    (void)unused;
    int before;
    check(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before), "pthread_setcancelstate");
    post_ready();
    for (int got = 0; got < 2; ++got) {
        char byte;
        if (read(ends[0], &byte, 1) != 1) {
            fatal("read");
        }
        printf("  read '%c'\n", byte);
    }
    check(pthread_setcancelstate(before, NULL), "pthread_setcancelstate");
    pthread_testcancel();
    puts("  never reached");
    return NULL;
}

static void cancel(const char* where, void* (*routine)(void*), const char* bytes) {
    printf("%s\n", where);
    pthread_t thread = start_thread(routine, NULL);
    while (sem_wait(&ready) != 0) {
        if (errno != EINTR) {
            fatal("sem_wait");
        }
    }
    check(pthread_cancel(thread), "pthread_cancel");
    if (write(ends[1], bytes, strlen(bytes)) != (ssize_t)strlen(bytes)) {
        fatal("write");
    }
    puts(join_thread(thread) == PTHREAD_CANCELED ? "  it was cancelled" : "  it returned");
}

int main(void) {
    if (sem_init(&ready, 0, 0) != 0 || pipe(ends) != 0) {
        fatal("sem_init or pipe");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    cancel("a thread in read:", wait_in_read, "");
    cancel("a thread in pthread_cond_wait:", wait_for_never, "");
    lock(&mutex);  // hangs if the thread took the mutex with it
    unlock(&mutex);
    cancel("a thread that disabled it:", read_undisturbed, "ab");
    return 0;
}
