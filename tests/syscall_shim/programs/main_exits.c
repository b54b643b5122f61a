/* SPDX-License-Identifier: Apache-2.0
 *
 * main ends by pthread_exit: its handlers run, also those pushed before there was another thread; the other threads go
 * on; the process ends with 0 when the last one does, and its atexit functions run. With an argument, main never makes
 * a thread.
 */
#include <pthread.h>
#include <stdio.h>

#include "expect.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int main_is_gone;

static void tell(void* text) { pass((const char*)text); }

static void say_main_is_gone(void* arg) {
    (void)arg;
    pthread_mutex_lock(&mutex);
    main_is_gone = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void tell_at_exit(void) { pass("atexit"); }

static void* outlive_main(void* main_thread) {
    pthread_mutex_lock(&mutex);
    while (!main_is_gone) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    void* result;
    EXPECT(pthread_join(*(pthread_t*)main_thread, &result) == 0);
    EXPECT(result == (void*)3);
    pass("the last thread");
    return NULL;
}

int main(int argc, char** argv) {
    static pthread_t main_thread;
    (void)argv;
    EXPECT(atexit(tell_at_exit) == 0);
    pthread_cleanup_push(say_main_is_gone, NULL);
    pthread_cleanup_push(tell, "a popped handler");
    pthread_cleanup_pop(1);
    pthread_cleanup_push(tell, "the handler pushed first");
    pthread_cleanup_push(tell, "the handler pushed second");
    if (argc == 1) {
        pthread_t thread;
        main_thread = pthread_self();
        EXPECT(pthread_create(&thread, NULL, outlive_main, &main_thread) == 0);
    }
    pthread_cleanup_push(tell, "the handler pushed last");
    pthread_exit((void*)3);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return 1;
}
