// SPDX-License-Identifier: Apache-2.0
//
// prethread_mutex PORT [THREADS]: threads made in advance, of which one at a time waits in accept, the one that holds a
// mutex. Served at once are as many clients as there are threads; the others wait in the kernel's backlog.
//
// The main thread has nothing left to do. It joins a thread that never ends: a return from main would end the process.

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static pthread_mutex_t accepting = PTHREAD_MUTEX_INITIALIZER;
static int listener;

static void* serve_clients(void* unused) {
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&accepting);
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
        }
        pthread_mutex_unlock(&accepting);
        if (client >= 0) {
            serve_client(client);
            close(client);
        }
    }
    return NULL;
}

int main(int argc, char** argv) {
    const char* usage = "prethread_mutex PORT [THREADS]";
    unsigned short port = parse_port(argc == 2 || argc == 3 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 3 ? argv[2] : NULL, usage);
    signal(SIGPIPE, SIG_IGN);
    listener = listen_tcp(port);
    pthread_t thread;
    for (int i = 0; i < count; ++i) {
        int error = pthread_create(&thread, NULL, serve_clients, NULL);
        if (error != 0) {
            fatal_error(error, "pthread_create");
        }
    }
    int error = pthread_join(thread, NULL);
    fatal_error(error, "pthread_join");
}
