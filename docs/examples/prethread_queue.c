// SPDX-License-Identifier: Apache-2.0
//
// prethread_queue PORT [THREADS]: the main thread accepts and puts the connections into a queue, from which threads
// made in advance take them. The queue is bounded: when it is full, main waits, and the kernel's backlog fills instead
// of memory.
//
// One mutex guards the queue and two condition variables announce its two changes: "a connection is there" to the
// threads, "there is room" to main. Waiting releases the mutex, and the condition is looked at again after each
// wake-up, for another thread may have been quicker.

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { kRoom = 32 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    pthread_cond_t emptied;
    int connections[kRoom];  // a ring: `count` of them, the oldest at `oldest`
    int oldest;
    int count;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER, .emptied = PTHREAD_COND_INITIALIZER};

static void put(int connection) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == kRoom) {
        pthread_cond_wait(&queue.emptied, &queue.lock);
    }
    queue.connections[(queue.oldest + queue.count) % kRoom] = connection;
    ++queue.count;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
}

static int take(void) {
    pthread_mutex_lock(&queue.lock);
    while (queue.count == 0) {
        pthread_cond_wait(&queue.filled, &queue.lock);
    }
    int connection = queue.connections[queue.oldest];
    queue.oldest = (queue.oldest + 1) % kRoom;
    --queue.count;
    pthread_cond_signal(&queue.emptied);
    pthread_mutex_unlock(&queue.lock);
    return connection;
}

static void* serve_clients(void* unused) {
    (void)unused;
    for (;;) {
        int client = take();
        serve_client(client);
        close(client);
    }
    return NULL;
}

int main(int argc, char** argv) {
    const char* usage = "prethread_queue PORT [THREADS]";
    unsigned short port = parse_port(argc == 2 || argc == 3 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 3 ? argv[2] : NULL, usage);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    for (int i = 0; i < count; ++i) {
        pthread_t thread;
        int error = pthread_create(&thread, NULL, serve_clients, NULL);
        if (error != 0) {
            fatal_error(error, "pthread_create");
        }
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        put(client);
    }
}
