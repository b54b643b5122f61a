/* SPDX-License-Identifier: Apache-2.0
 *
 * Cleanup handlers of C code (the setjmp form: this file is compiled without -fexceptions): run innermost first by
 * pthread_cancel, pthread_exit and a pop with execute, not by a plain pop; a condition wait holds its mutex again when
 * they run; a disabled cancellation waits.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

#include "expect.h"

static char log_text[128];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t ready, go;

static void note(void* text) { strcat(log_text, (const char*)text); }

static void unlock(void* arg) {
    note(" unlock");
    EXPECT(pthread_mutex_unlock(arg) == 0);
}

static void wait_for_go(void* arg) {
    (void)arg;
    EXPECT(sem_wait(&go) == 0);
}

static void expect_log(const char* text) {
    EXPECT(strcmp(log_text, text) == 0);
    log_text[0] = '\0';
}

static void* end_of(void* (*body)(void*), int cancel) {
    pthread_t thread;
    void* result;
    EXPECT(pthread_create(&thread, NULL, body, NULL) == 0);
    EXPECT(sem_wait(&ready) == 0);
    if (cancel) EXPECT(pthread_cancel(thread) == 0);
    EXPECT(sem_post(&go) == 0);
    EXPECT(pthread_join(thread, &result) == 0);
    while (sem_trywait(&go) == 0) {
    }
    return result;
}

static void wait_for_ever(void) {
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    EXPECT(sem_post(&ready) == 0);
    while (1) pthread_cond_wait(&never, &mutex);
    pthread_cleanup_pop(0);
}

static void* nest(void* arg) {
    pthread_cleanup_push(note, " outer");
    pthread_cleanup_push(note, " never");
    pthread_cleanup_pop(0);
    pthread_cleanup_push(note, " popped");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(note, " inner");
    wait_for_ever();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static void* exit_within(void* arg) {
    pthread_cleanup_push(note, " one");
    pthread_cleanup_push(note, " two");
    EXPECT(sem_post(&ready) == 0);
    EXPECT(sem_wait(&go) == 0);
    pthread_exit((void*)77);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

static void* postpone(void* arg) {
    int old;
    EXPECT(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0 && old == PTHREAD_CANCEL_ENABLE);
    pthread_cleanup_push_defer_np(note, " deferred");
    EXPECT(sem_post(&ready) == 0);
    EXPECT(sem_wait(&go) == 0);
    pthread_testcancel();
    note(" still");
    EXPECT(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old) == 0 && old == PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    note(" wrong");
    pthread_cleanup_pop_restore_np(0);
    return arg;
}

static void* cancel_itself(void* arg) {
    pthread_cleanup_push(note, " self");
    EXPECT(sem_post(&ready) == 0);
    EXPECT(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return arg;
}

static void* run_a_handler_that_waits(void* arg) {
    pthread_cleanup_push(note, " after");
    pthread_cleanup_push(wait_for_go, NULL);
    EXPECT(sem_post(&ready) == 0);
    pthread_exit((void*)5);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

int main(void) {
    EXPECT(sem_init(&ready, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    EXPECT(end_of(nest, 1) == PTHREAD_CANCELED);
    expect_log(" popped unlock inner outer");
    EXPECT(pthread_mutex_trylock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    pass("cancel");
    EXPECT(end_of(exit_within, 0) == (void*)77);
    expect_log(" two one");
    pass("exit");
    EXPECT(end_of(postpone, 1) == PTHREAD_CANCELED);
    expect_log(" still deferred");
    pass("disabled");
    EXPECT(end_of(cancel_itself, 0) == PTHREAD_CANCELED);
    expect_log(" self");
    pass("itself");
    EXPECT(end_of(run_a_handler_that_waits, 0) == (void*)5);
    expect_log(" after");
    pass("a handler that waits");
    return 0;
}
