/* SPDX-License-Identifier: Apache-2.0
 *
 * Children made by fork, vfork and _Fork from main and from threads: what they write, close and duplicate is their own,
 * handlers of pthread_atfork may lock and wait, and a child may make threads and leave by any way out.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

enum { kChildSeconds = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t before_fork_slots;
static int prepared, in_parent, in_child;

static void prepare(void) {
    EXPECT(sem_wait(&before_fork_slots) == 0);
    EXPECT(pthread_mutex_lock(&lock) == 0);
    ++prepared;
}

static void release_parent(void) {
    ++in_parent;
    EXPECT(pthread_mutex_unlock(&lock) == 0);
    EXPECT(sem_post(&before_fork_slots) == 0);
}

static void release_child(void) {
    ++in_child;
    EXPECT(pthread_mutex_unlock(&lock) == 0);
    EXPECT(sem_post(&before_fork_slots) == 0);
}

static int await(pid_t child) {
    int status;
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0) sched_yield();
    EXPECT(ended == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void* add_one(void* number) {
    ++*(int*)number;
    return NULL;
}

/* fork: the child makes a thread, takes the lock that the handlers gave back, and exits. */
static void* fork_with_handlers(void* arg) {
    pid_t child = fork();
    if (child == 0) {
        alarm(kChildSeconds);
        int sum = 0;
        pthread_t thread;
        if (in_child != 1 || pthread_mutex_trylock(&lock) != 0) _exit(1);
        if (pthread_create(&thread, NULL, add_one, &sum) != 0) _exit(2);
        if (pthread_join(thread, NULL) != 0 || sum != 1) _exit(3);
        exit(0);
    }
    EXPECT(child > 0 && await(child) == 0);
    return arg;
}

/* vfork, and the usual plumbing before an exec: the parent's descriptors stay as they are. */
static void* vfork_and_exec(void* arg) {
    int ends[2];
    char word[8] = "";
    EXPECT(pipe(ends) == 0);
    pid_t child = vfork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/echo", "echo", "hello", (char*)NULL);
        _exit(127);
    }
    EXPECT(child > 0 && fcntl(ends[1], F_GETFD) == 0 && fcntl(ends[0], F_GETFD) == 0);
    EXPECT(read(ends[0], word, sizeof(word)) == 6 && memcmp(word, "hello\n", 6) == 0);
    EXPECT(await(child) == 0);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    return arg;
}

/* _Fork runs no handlers. */
static void* plain_fork(void* arg) {
    int before = prepared;
    pid_t child = _Fork();
    if (child == 0) _exit(prepared == before && in_child == 0 ? 0 : 1);
    EXPECT(child > 0 && await(child) == 0);
    return arg;
}

static void everywhere(const char* part, void* (*body)(void*)) {
    enum { kThreads = 8 };
    pthread_t threads[kThreads];
    body(NULL);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_create(&threads[i], NULL, body, NULL) == 0);
    body(NULL);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    pass(part);
}

int main(void) {
    EXPECT(sem_init(&before_fork_slots, 0, 1) == 0);
    everywhere("plain fork", plain_fork);
    EXPECT(pthread_atfork(prepare, release_parent, release_child) == 0);
    everywhere("fork", fork_with_handlers);
    EXPECT(prepared == 10 && in_parent == 10 && in_child == 0);
    everywhere("vfork", vfork_and_exec);
    return 0;
}
