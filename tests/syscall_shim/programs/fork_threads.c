/* SPDX-License-Identifier: Apache-2.0
 *
 * Every one of 8 threads (so, one on each worker) forks while the others go on. In the child the forking
 * thread is alone: it can use what it held, start threads, wait for its peers, and fork again.
 *
 * Nothing is shared that waits for descriptors. A socket that the parent has waited on is closed in the child and goes
 * on serving in the parent, and the other way round: with an epoll set in common the close, or a registration left
 * behind, would take the other process's events. Each wait is an answer to another thread or process, so a lost event
 * hangs the program, which the test's limit ends.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "expect.h"

enum { kThreads = 8, kRounds = 20 };

static pthread_barrier_t together;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void exchange(int out, int in) {
    char byte = 1;
    EXPECT(write(out, &byte, 1) == 1);
    EXPECT(read(in, &byte, 1) == 1);
}

/* Sends back one byte. */
static void* answer_once(void* arg) {
    int fd = (int)(intptr_t)arg;
    char byte;
    EXPECT(read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1);
    return NULL;
}

/* Sends back each byte until the end of file. */
static void* answer(void* arg) {
    int fd = (int)(intptr_t)arg;
    char byte;
    ssize_t length;
    while ((length = read(fd, &byte, 1)) == 1) EXPECT(write(fd, &byte, 1) == 1);
    EXPECT(length == 0);
    return NULL;
}

/* Both ends of a pair, in two threads of this process, until `client` is shut down. */
static void converse(int client, int server) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, answer, (void*)(intptr_t)server) == 0);
    for (int round = 0; round < kRounds; ++round) exchange(client, client);
    EXPECT(shutdown(client, SHUT_WR) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
}

static size_t entries(const char* path) {
    DIR* directory = opendir(path);
    EXPECT(directory != NULL);
    size_t count = 0;
    for (struct dirent* entry; (entry = readdir(directory)) != NULL;) count += entry->d_name[0] != '.';
    EXPECT(closedir(directory) == 0);
    return count;
}

/* How many descriptors of this process are epoll sets. */
static int epoll_sets(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) {
        char path[64];
        char target[64] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0) count += strstr(target, "eventpoll") != NULL;
    }
    return count;
}

static void expect_end(pid_t child) {
    int status = -1;
    EXPECT(waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* What a child finds, and that it can do all that a process can. */
static void live_as_a_child(pthread_t forker) {
    EXPECT(entries("/proc/self/task") == 1);
    EXPECT(epoll_sets() == 0);
    EXPECT(pthread_equal(pthread_self(), forker));
    EXPECT(pthread_mutex_unlock(&held) == 0);
    int pair[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    converse(pair[0], pair[1]);
    pid_t grandchild = fork();
    EXPECT(grandchild >= 0);
    if (grandchild == 0) {
        EXPECT(epoll_sets() == 0);
        int own[2];
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, own) == 0);
        converse(own[0], own[1]);
        _exit(0);
    }
    expect_end(grandchild);
}

/* One holder of the lock forks at a time; in the child it still holds it. */
static void* fork_and_look(void* unused) {
    pthread_barrier_wait(&together);
    EXPECT(pthread_mutex_lock(&held) == 0);
    pthread_t self = pthread_self();
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        live_as_a_child(self);
        _exit(0);
    }
    EXPECT(pthread_mutex_unlock(&held) == 0);
    expect_end(child);
    return unused;
}

/* The child closes both ends of a pair on which threads of the parent wait; the parent's go on. */
static void* serve_here_close_there(void* unused) {
    int pair[2];
    int told[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pipe(told) == 0);
    pthread_t server;
    EXPECT(pthread_create(&server, NULL, answer, (void*)(intptr_t)pair[1]) == 0);
    exchange(pair[0], pair[0]);
    pthread_barrier_wait(&together);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0);
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        converse(pair[0], pair[1]);
        EXPECT(write(told[1], "", 1) == 1);
        EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0);
        _exit(0);
    }
    char byte;
    EXPECT(read(told[0], &byte, 1) == 1);
    for (int round = 0; round < kRounds; ++round) exchange(pair[0], pair[0]);
    EXPECT(shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(pthread_join(server, NULL) == 0);
    expect_end(child);
    EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0 && close(told[0]) == 0 && close(told[1]) == 0);
    return unused;
}

/* The parent closes a socket that it has waited on, and reuses its number; the child serves the parent on it. */
static void* serve_there_close_here(void* unused) {
    int pair[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_t peer;
    EXPECT(pthread_create(&peer, NULL, answer_once, (void*)(intptr_t)pair[0]) == 0);
    exchange(pair[1], pair[1]);
    EXPECT(pthread_join(peer, NULL) == 0);
    pthread_barrier_wait(&together);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(close(pair[0]) == 0);
        pthread_t server;
        EXPECT(pthread_create(&server, NULL, answer, (void*)(intptr_t)pair[1]) == 0);
        EXPECT(pthread_join(server, NULL) == 0);
        _exit(0);
    }
    EXPECT(close(pair[1]) == 0);
    int other[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
    for (int round = 0; round < kRounds; ++round) {
        exchange(pair[0], pair[0]);
        exchange(other[0], other[1]);
    }
    char byte;
    EXPECT(shutdown(pair[0], SHUT_WR) == 0 && read(pair[0], &byte, 1) == 0);
    EXPECT(close(pair[0]) == 0 && close(other[0]) == 0 && close(other[1]) == 0);
    expect_end(child);
    return unused;
}

static void in_every_thread(void* (*part)(void*), const char* name) {
    pthread_t threads[kThreads];
    EXPECT(pthread_barrier_init(&together, NULL, kThreads) == 0);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_create(&threads[i], NULL, part, NULL) == 0);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(pthread_barrier_destroy(&together) == 0);
    pass(name);
}

int main(void) {
    in_every_thread(fork_and_look, "a child of each thread");
    in_every_thread(serve_here_close_there, "closed in the child, served in the parent");
    in_every_thread(serve_there_close_here, "closed in the parent, served in the child");
    return 0;
}
