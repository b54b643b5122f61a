// SPDX-License-Identifier: Apache-2.0
//
// thread_detached PORT: a thread for each client that nobody waits for. Detached, a thread gives its stack back the
// moment it ends, and its handle must not be used after that.
//
// Each thread gets the descriptor in memory of its own, which it frees. The address of the variable `client` in main
// would be wrong: main may have put the next client there before the new thread looks. (argument_race.c shows that
// happening.)

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static void* serve(void* argument) {
    int fd = *(int*)argument;
    free(argument);
    int error = pthread_detach(pthread_self());
    if (error != 0) {
        fatal_error(error, "pthread_detach");
    }
    serve_client(fd);
    close(fd);
    return NULL;
}

static void start_thread(int client) {
    int* argument = malloc(sizeof *argument);
    if (argument == NULL) {
        perror("malloc");
        close(client);
        return;
    }
    *argument = client;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, serve, argument);
    if (error != 0) {
        fprintf(stderr, "pthread_create: %s\n", strerror(error));
        free(argument);
        close(client);
    }
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "thread_detached PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        start_thread(client);
    }
}
