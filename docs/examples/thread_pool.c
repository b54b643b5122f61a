// SPDX-License-Identifier: Apache-2.0
//
// thread_pool [JOBS]: four threads work off a queue of JOBS jobs (100): each finds how many steps a number takes to
// come to 1 when an even one is halved and an odd one n becomes 3n+1.
//
// Teaches: threads that outlive their work. A job is a function and its argument; idle threads wait on one condition
// variable, and main waits on another until the last job is done. To end, a flag is set under the lock and all are
// woken: who finds the queue empty and the flag set goes home, so no job that was accepted is lost.
//
//     cc -pthread thread_pool.c net.c -o thread_pool && ./thread_pool 10

#include <stdbool.h>

#include "check.h"

enum { kThreads = 4, kMost = 10000 };

struct job {
    void (*function)(struct job*);
    struct job* next;
    long number;
    long steps;
};

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t has_work;
    pthread_cond_t all_done;
    struct job* first;
    struct job* last;
    long unfinished;
    bool closing;
    pthread_t threads[kThreads];
} pool = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .has_work = PTHREAD_COND_INITIALIZER, .all_done = PTHREAD_COND_INITIALIZER};

// The next job, or NULL when there will be none. Called with the mutex held.
static struct job* next_job(void) {
    while (pool.first == NULL && !pool.closing) {
        wait_for(&pool.has_work, &pool.mutex);
    }
    struct job* job = pool.first;
    if (job != NULL) {
        pool.first = job->next;
    }
    return job;
}

static void* work(void* unused) {
    (void)unused;
    lock(&pool.mutex);
    for (struct job* job = next_job(); job != NULL; job = next_job()) {
        unlock(&pool.mutex);
        job->function(job);
        lock(&pool.mutex);
        if (--pool.unfinished == 0) {
            notify_all(&pool.all_done);
        }
    }
    unlock(&pool.mutex);
    return NULL;
}

static void submit(struct job* job) {
    lock(&pool.mutex);
    job->next = NULL;
    if (pool.first == NULL) {
        pool.first = job;
    } else {
        pool.last->next = job;
    }
    pool.last = job;
    pool.unfinished++;
    notify(&pool.has_work);
    unlock(&pool.mutex);
}

static void wait_until_all_done(void) {
    lock(&pool.mutex);
    while (pool.unfinished > 0) {
        wait_for(&pool.all_done, &pool.mutex);
    }
    unlock(&pool.mutex);
}

static void close_pool(void) {
    lock(&pool.mutex);
    pool.closing = true;
    notify_all(&pool.has_work);
    unlock(&pool.mutex);
    for (int i = 0; i < kThreads; ++i) {
        join_thread(pool.threads[i]);
    }
}

static void count_steps(struct job* job) {
    for (long n = job->number; n != 1; ++job->steps) {
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    }
}

int main(int argc, char** argv) {
    static struct job jobs[kMost];
    long count = number_argument(argc, argv, 1, 100, kMost);
    for (int i = 0; i < kThreads; ++i) {
        pool.threads[i] = start_thread(work, NULL);
    }
    for (long i = 0; i < count; ++i) {
        jobs[i] = (struct job){.function = count_steps, .number = i + 1};
        submit(&jobs[i]);
    }
    wait_until_all_done();
    long longest = 0;
    for (long i = 1; i < count; ++i) {
        longest = jobs[i].steps > jobs[longest].steps ? i : longest;
    }
    printf("of 1..%ld, %ld takes longest: %ld steps\n", count, jobs[longest].number, jobs[longest].steps);
    close_pool();
    return 0;
}
