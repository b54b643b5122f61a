// SPDX-License-Identifier: Apache-2.0
//
// `deadlocks WAY`: comes to the end of all motion in one of many ways, the same in each run. deadlock_test.py looks for
// the lines marked here in Rondo's report. Without Rondo, it hangs.

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CIRCLE 5

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t forks[CIRCLE];
static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t meeting;
static pthread_once_t first_once = PTHREAD_ONCE_INIT;
static pthread_once_t second_once = PTHREAD_ONCE_INIT;
static sem_t never;
static pthread_barrier_t all_ready;
static pthread_t main_thread;
static pthread_t partners[2];

static pthread_t start(const char* name, void* (*body)(void*), void* argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, argument) != 0) {
        abort();
    }
    pthread_setname_np(thread, name);
    return thread;
}

static void together(void) { pthread_barrier_wait(&all_ready); }

static void pair(void* (*left)(void*), void* (*right)(void*)) {
    pthread_barrier_init(&all_ready, NULL, 3);
    partners[0] = start("left", left, NULL);
    partners[1] = start("right", right, NULL);
    together();
    pthread_join(partners[0], NULL);  // MARK main
}

static void* locks_a_then_b(void* unused) {
    pthread_mutex_lock(&a);
    together();
    pthread_mutex_lock(&b);  // MARK left
    return unused;
}

static void* locks_b_then_a(void* unused) {
    pthread_mutex_lock(&b);
    together();
    pthread_mutex_lock(&a);  // MARK right
    return unused;
}

static void abba(void) { pair(locks_a_then_b, locks_b_then_a); }

static void* locks_twice(void* unused) {
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&a);  // MARK self
    return unused;
}

static void itself(void) { pthread_join(start("twice", locks_twice, NULL), NULL); }

static void* eats(void* number) {
    long mine = (long)number;
    pthread_mutex_lock(&forks[mine]);
    together();
    pthread_mutex_lock(&forks[(mine + 1) % CIRCLE]);  // MARK philosopher
    return NULL;
}

static void philosophers(void) {
    pthread_barrier_init(&all_ready, NULL, CIRCLE);
    pthread_t last = main_thread;
    for (long i = 0; i < CIRCLE; ++i) {
        pthread_mutex_init(&forks[i], NULL);
        last = start("philosopher", eats, (void*)i);
    }
    pthread_join(last, NULL);
}

static void* joins_right(void* unused) {
    together();
    pthread_join(partners[1], NULL);
    return unused;
}

static void* joins_left(void* unused) {
    together();
    pthread_join(partners[0], NULL);
    return unused;
}

static void joins(void) {
    pthread_barrier_init(&all_ready, NULL, 3);
    partners[0] = start("left", joins_right, NULL);
    partners[1] = start("right", joins_left, NULL);
    together();
    pthread_exit(NULL);
}

static void* joins_main(void* unused) {
    pthread_join(main_thread, NULL);
    return unused;
}

static void join_of_main(void) { pthread_join(start("child", joins_main, NULL), NULL); }

static void* writes_then_locks(void* unused) {
    pthread_rwlock_wrlock(&table);
    together();
    pthread_mutex_lock(&a);
    return unused;
}

static void* locks_then_reads(void* unused) {
    pthread_mutex_lock(&a);
    together();
    pthread_rwlock_rdlock(&table);  // MARK reads
    return unused;
}

static void rwlocks(void) { pair(writes_then_locks, locks_then_reads); }

static void* reads_then_writes(void* unused) {
    pthread_rwlock_rdlock(&table);
    pthread_rwlock_wrlock(&table);
    return unused;
}

static void upgrade(void) { pthread_join(start("upgrader", reads_then_writes, NULL), NULL); }

static void second_routine(void) {
    together();
    pthread_once(&first_once, abort);
}

static void first_routine(void) {
    together();
    pthread_once(&second_once, abort);
}

static void* runs_first(void* unused) {
    pthread_once(&first_once, first_routine);
    return unused;
}

static void* runs_second(void* unused) {
    pthread_once(&second_once, second_routine);
    return unused;
}

static void onces(void) { pair(runs_first, runs_second); }

static void* waits_for_change(void* unused) {
    pthread_mutex_lock(&a);
    pthread_cond_wait(&changed, &a);  // MARK condition
    return unused;
}

static void lost_signal(void) {
    pthread_cond_signal(&changed);
    pthread_join(start("waiter", waits_for_change, NULL), NULL);
}

static void semaphore(void) {
    start("waiter", waits_for_change, NULL);
    sem_wait(&never);
}

static void* meets(void* unused) {
    pthread_barrier_wait(&meeting);
    return unused;
}

static void barrier(void) {
    pthread_barrier_init(&meeting, NULL, 3);
    start("early", meets, NULL);
    pthread_barrier_wait(&meeting);
}

static void* leaves_a_locked(void* unused) {
    pthread_mutex_lock(&a);
    together();
    return unused;
}

static void ended_owner(void) {
    pthread_barrier_init(&all_ready, NULL, 2);
    start("careless", leaves_a_locked, NULL);
    together();
    pthread_mutex_lock(&a);
}

static void* nothing(void* unused) { return unused; }

static void child(void) {
    pthread_join(start("before", nothing, NULL), NULL);
    pid_t pid = fork();
    if (pid == 0) {
        abba();
    }
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFSIGNALED(status) ? 64 + WTERMSIG(status) : 0);
}

static void on_signal(int number) {
    (void)number;
    pthread_cond_broadcast(&changed);
}

// What cannot be relied upon elsewhere, but is done: a handler that wakes.
static void handler(void) {
    signal(SIGUSR1, on_signal);
    pthread_join(start("waiter", waits_for_change, NULL), NULL);
    puts("woken");
}

static void circle_with_handler(void) {
    signal(SIGUSR1, on_signal);
    abba();
}

static void many(void) {
    for (int i = 0; i < 1000; ++i) {
        start("one of many", waits_for_change, NULL);
    }
    abba();
}

// Each gives way to the other, for ever.
static void give_way(pthread_mutex_t* mine, pthread_mutex_t* other) {
    for (;;) {
        pthread_mutex_lock(mine);
        together();
        if (pthread_mutex_trylock(other) == 0) {  // MARK polite
            abort();
        }
        together();
        pthread_mutex_unlock(mine);
    }
}

static void* wants_b_too(void* unused) {
    give_way(&a, &b);
    return unused;
}

static void* wants_a_too(void* unused) {
    give_way(&b, &a);
    return unused;
}

static void livelock(void) {
    pthread_barrier_init(&all_ready, NULL, 2);
    partners[0] = start("left", wants_b_too, NULL);
    start("right", wants_a_too, NULL);
    pthread_join(partners[0], NULL);
}

// It looks at a variable that nobody sets, and leaves no turn to the other.
static void* asks_for_ever(void* unused) {
    for (;;) {
        pthread_mutex_lock(&a);
        pthread_mutex_unlock(&a);  // MARK greedy
    }
    return unused;
}

static void* locks_once(void* unused) {
    pthread_mutex_lock(&b);
    return unused;
}

static void starvation(void) {
    pthread_mutex_lock(&b);
    start("greedy", asks_for_ever, NULL);
    pthread_join(start("patient", locks_once, NULL), NULL);
}

static const struct {
    const char* name;
    void (*run)(void);
} kWays[] = {
    {"abba", abba},
    {"self", itself},
    {"philosophers", philosophers},
    {"joins", joins},
    {"join-main", join_of_main},
    {"rwlocks", rwlocks},
    {"upgrade", upgrade},
    {"onces", onces},
    {"lost-signal", lost_signal},
    {"semaphore", semaphore},
    {"barrier", barrier},
    {"ended-owner", ended_owner},
    {"child", child},
    {"handler", handler},
    {"circle-with-handler", circle_with_handler},
    {"many", many},
    {"livelock", livelock},
    {"starvation", starvation},
};

int main(int argc, char** argv) {
    main_thread = pthread_self();
    for (size_t i = 0; argc == 2 && i < sizeof kWays / sizeof kWays[0]; ++i) {
        if (strcmp(argv[1], kWays[i].name) == 0) {
            kWays[i].run();
            return 0;
        }
    }
    fprintf(stderr, "usage: deadlocks WAY\n");
    return 2;
}
