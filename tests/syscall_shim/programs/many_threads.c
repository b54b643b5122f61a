// SPDX-License-Identifier: Apache-2.0
// Makes N threads with default attributes that wait on one condition variable, says "waiting", and on a line of input
// broadcasts, joins them all and says how many came back.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static long waiting, wanted;
static int may_go;

static void* wait_for_go(void* arg) {
    pthread_mutex_lock(&mutex);
    if (++waiting == wanted) pthread_cond_signal(&all_here);
    while (!may_go) pthread_cond_wait(&go, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

int main(int argc, char** argv) {
    wanted = argc > 1 ? atol(argv[1]) : 100000;
    pthread_t* threads = calloc((size_t)wanted, sizeof *threads);
    if (threads == NULL) return 2;
    for (long i = 0; i < wanted; ++i) {
        if (pthread_create(&threads[i], NULL, wait_for_go, (void*)i) != 0) {
            printf("no thread after %ld\n", i);
            return 1;
        }
    }
    pthread_mutex_lock(&mutex);
    while (waiting < wanted) pthread_cond_wait(&all_here, &mutex);
    pthread_mutex_unlock(&mutex);
    puts("waiting");
    fflush(stdout);
    getchar();
    pthread_mutex_lock(&mutex);
    may_go = 1;
    pthread_cond_broadcast(&go);
    pthread_mutex_unlock(&mutex);
    long right = 0;
    for (long i = 0; i < wanted; ++i) {
        void* result;
        right += pthread_join(threads[i], &result) == 0 && result == (void*)i;
    }
    printf("joined %ld\n", right);
    return right == wanted ? 0 : 1;
}
