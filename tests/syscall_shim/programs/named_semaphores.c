/* SPDX-License-Identifier: Apache-2.0
 *
 * A named semaphore between two programs, of which the second always runs without the shim: threads of the first take
 * and give in turn with it. So both know the form that libc gives the object in the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

enum { kRounds = 300, kThreads = 4 };

static char ping_name[64], pong_name[64];
static sem_t *ping, *pong;

static sem_t* make(const char* name) {
    sem_t* sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    EXPECT(sem != SEM_FAILED);
    return sem;
}

/* The other program: one pong for each ping. */
static int answer(char** names) {
    sem_t* in = sem_open(names[0], 0);
    sem_t* out = sem_open(names[1], 0);
    EXPECT(in != SEM_FAILED && out != SEM_FAILED);
    for (int i = 0; i < kRounds * kThreads; ++i) {
        while (sem_wait(in) != 0) EXPECT(errno == EINTR);
        EXPECT(sem_post(out) == 0);
    }
    return 0;
}

static void* ask(void* arg) {
    (void)arg;
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(sem_post(ping) == 0);
        EXPECT(sem_wait(pong) == 0);
    }
    return NULL;
}

static void test_two_programs(char* self) {
    char* argv[] = {self, ping_name, pong_name, NULL};
    char* no_preload[] = {NULL};
    pthread_t threads[kThreads];
    pid_t other;
    int status;
    EXPECT(posix_spawn(&other, self, NULL, NULL, argv, no_preload) == 0);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_create(&threads[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(waitpid(other, &status, 0) == other && status == 0);
    pass("two programs");
}

static void test_values(void) {
    struct timespec past = {1, 0};
    int value = -1;
    EXPECT(sem_trywait(ping) == -1 && errno == EAGAIN);
    EXPECT(sem_timedwait(ping, &past) == -1 && errno == ETIMEDOUT);
    EXPECT(sem_post(ping) == 0 && sem_post(ping) == 0);
    EXPECT(sem_getvalue(ping, &value) == 0 && value == 2);
    EXPECT(sem_open(ping_name, 0) == ping);
    EXPECT(sem_close(ping) == 0);
    EXPECT(sem_wait(ping) == 0 && sem_trywait(ping) == 0);
    EXPECT(sem_getvalue(ping, &value) == 0 && value == 0);
    EXPECT(sem_open("/no-such-semaphore", 0) == SEM_FAILED && errno == ENOENT);
    pass("values");
}

int main(int argc, char** argv) {
    if (argc > 2) return answer(argv + 1);
    snprintf(ping_name, sizeof ping_name, "/rondo-ping-%d", (int)getpid());
    snprintf(pong_name, sizeof pong_name, "/rondo-pong-%d", (int)getpid());
    ping = make(ping_name);
    pong = make(pong_name);
    test_values();
    test_two_programs(argv[0]);
    test_values();
    EXPECT(sem_unlink(ping_name) == 0 && sem_unlink(pong_name) == 0);
    EXPECT(sem_close(ping) == 0 && sem_close(pong) == 0);
    return 0;
}
