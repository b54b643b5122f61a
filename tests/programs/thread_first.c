// SPDX-License-Identifier: Apache-2.0
//
// A library to preload into a program that makes no threads, or makes them late: its constructor starts a thread and
// joins it. Under `rondo` the runtime then runs before main does and main is one of its threads, so that every call of
// the program is made on a Rondo thread. Natively it changes nothing.

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

static void* end_at_once(void* unused) { return unused; }

__attribute__((constructor)) static void start_a_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_at_once, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        abort();
    }
}
