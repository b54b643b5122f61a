// SPDX-License-Identifier: Apache-2.0
//
// udp_threads PORT: a datagram server with a thread for each request. It pays when answering a request takes long, as
// here, where a request that begins with "sleep" takes half a second: the others are answered meanwhile, in whatever
// order they get ready.
//
// All threads send through the one socket, which needs no lock, for the kernel sends each datagram whole. Each request
// has memory of its own: its text and where it came from.

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "net.h"

typedef struct Request {
    struct sockaddr_storage client;
    socklen_t client_length;
    size_t length;
    char text[65536];
} Request;

static int server;

static void* answer(void* argument) {
    Request* request = argument;
    if (request->length >= 5 && strncasecmp(request->text, "sleep", 5) == 0) {
        struct timespec half_a_second = {.tv_nsec = 500 * 1000 * 1000};
        nanosleep(&half_a_second, NULL);
    }
    upper_case(request->text, request->length);
    if (sendto(server, request->text, request->length, 0, (struct sockaddr*)&request->client, request->client_length) <
        0) {
        perror("sendto");
    }
    free(request);
    return NULL;
}

// Waits for one, whatever interrupts.
static Request* receive(void) {
    Request* request = malloc(sizeof *request);
    if (request == NULL) {
        fatal("malloc");
    }
    ssize_t length;
    do {
        request->client_length = sizeof request->client;
        length = recvfrom(server, request->text, sizeof request->text, 0, (struct sockaddr*)&request->client,
                          &request->client_length);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        fatal("recvfrom");
    }
    request->length = (size_t)length;
    return request;
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "udp_threads PORT");
    pthread_attr_t detached;
    int error = pthread_attr_init(&detached);
    error = error != 0 ? error : pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (error != 0) {
        fatal_error(error, "pthread_attr");
    }
    server = bind_udp(port);
    for (;;) {
        Request* request = receive();
        pthread_t thread;
        error = pthread_create(&thread, &detached, answer, request);
        if (error != 0) {
            fprintf(stderr, "pthread_create: %s\n", strerror(error));
            free(request);
        }
    }
}
