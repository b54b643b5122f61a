// SPDX-License-Identifier: Apache-2.0
//
// starvation: two readers look again and again until a writer has written, under a lock that readers share.
//
// Teaches: the lock lets a reader in while another one reads. If the two always overlap, the lock is never free, and
// the writer waits for ever, although nothing is wrong with any single step and all others are busy. Remedies: a lock
// that lets no new reader pass a writer that waits (PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP), or a condition
// variable to wait with.
//
//     cc -g -pthread starvation.c net.c -o starvation && rondo explore --choices 100000 ./starvation

#include <sched.h>
#include <stdbool.h>

#include "check.h"

static pthread_rwlock_t shared = PTHREAD_RWLOCK_INITIALIZER;
static bool written;  // guarded by shared

static void* look_until_written(void* unused) {
    for (bool seen = false; !seen;) {
        check(pthread_rwlock_rdlock(&shared), "pthread_rwlock_rdlock");
        seen = written;
        sched_yield();  // reading takes its time
        check(pthread_rwlock_unlock(&shared), "pthread_rwlock_unlock");
    }
    return unused;
}

static void* write_once(void* unused) {
    check(pthread_rwlock_wrlock(&shared), "pthread_rwlock_wrlock");
    written = true;
    check(pthread_rwlock_unlock(&shared), "pthread_rwlock_unlock");
    return unused;
}

int main(void) {
    pthread_t readers[2];
    for (int i = 0; i < 2; ++i) {
        readers[i] = start_thread(look_until_written, NULL);
    }
    pthread_t writer = start_thread(write_once, NULL);
    for (int i = 0; i < 2; ++i) {
        join_thread(readers[i]);
    }
    join_thread(writer);
    printf("both readers have seen what was written\n");
    return 0;
}
