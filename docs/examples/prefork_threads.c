// SPDX-License-Identifier: Apache-2.0
//
// prefork_threads PORT [CHILDREN]: children made in advance, each with threads made in advance, and all of them accept
// on the same listener. Threads are cheap and share memory; processes are safe from each other: a crash costs the
// clients of one child only, and the parent replaces it. Big servers combine the two so.
//
// The threads start after the fork. A fork in the other order would copy the calling thread alone.

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "net.h"

enum { kThreads = 8 };

static int listener;

static void* serve_clients(void* unused) {
    (void)unused;
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        serve_client(client);
        close(client);
    }
    return NULL;
}

static void run_threads(void* unused) {
    for (int i = 1; i < kThreads; ++i) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, serve_clients, NULL);
        if (error != 0) {
            fatal_error(error, "pthread_create");
        }
    }
    serve_clients(unused);
}

int main(int argc, char** argv) {
    const char* usage = "prefork_threads PORT [CHILDREN]";
    unsigned short port = parse_port(argc == 2 || argc == 3 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 3 ? argv[2] : NULL, usage);
    signal(SIGPIPE, SIG_IGN);
    listener = listen_tcp(port);
    keep_children(count, run_threads, NULL);
}
