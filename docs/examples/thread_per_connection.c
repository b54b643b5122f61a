// SPDX-License-Identifier: Apache-2.0
//
// thread_per_connection PORT: a thread for each client, and every thread is joined. The code of one client reads from
// top to bottom as if there were no others.
//
// A thread that has ended keeps its handle and its stack until somebody joins it, as a process stays a zombie until it
// is waited for. Who joins here? A thread that ends puts its own record on a list; the main thread joins what it finds
// there before it makes the next. thread_detached shows the other way.

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

typedef struct Connection {
    int fd;
    pthread_t thread;
    struct Connection* next;
} Connection;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Connection* finished;  // under lock

static void* serve(void* argument) {
    Connection* connection = argument;
    serve_client(connection->fd);
    close(connection->fd);
    pthread_mutex_lock(&lock);
    connection->next = finished;
    finished = connection;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void join_finished(void) {
    pthread_mutex_lock(&lock);
    Connection* connection = finished;
    finished = NULL;
    pthread_mutex_unlock(&lock);
    while (connection != NULL) {
        Connection* next = connection->next;
        int error = pthread_join(connection->thread, NULL);
        if (error != 0) {
            fatal_error(error, "pthread_join");
        }
        free(connection);
        connection = next;
    }
}

// The record outlives this call, so it is on the heap and not a local variable.
static void start_thread(int fd) {
    Connection* connection = malloc(sizeof *connection);
    if (connection == NULL) {
        perror("malloc");
        close(fd);
        return;
    }
    connection->fd = fd;
    int error = pthread_create(&connection->thread, NULL, serve, connection);
    if (error != 0) {
        fprintf(stderr, "pthread_create: %s\n", strerror(error));
        close(fd);
        free(connection);
    }
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "thread_per_connection PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        join_finished();
        start_thread(client);
    }
}
