// SPDX-License-Identifier: Apache-2.0
//
// udp_ports PORT: conversations over datagrams, as TFTP holds them. The well-known port takes the first request of a
// conversation only; a thread answers it from a socket with a new port of its own, and the client sends everything
// further to that one. So the kernel sorts the datagrams of different clients apart, and each thread has one client, as
// with TCP.
//
// Each thread connects its socket to its client: it then receives from nobody else, and an answer to a client that is
// gone fails. Nothing tells that a client has left, so a conversation ends with the word "bye" or after ten seconds of
// silence.

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net.h"

enum { kLongest = 2048 };

typedef struct Conversation {
    struct sockaddr_in client;
    size_t length;
    char text[kLongest];
} Conversation;

// A socket with a new port that talks to this client alone, or -1.
static int open_port(const struct sockaddr_in* client) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in any_port = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = 10};
    if (fd < 0 || bind(fd, (struct sockaddr*)&any_port, sizeof any_port) < 0 ||
        connect(fd, (const struct sockaddr*)client, sizeof *client) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0) {
        perror("a new port");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static int says_bye(const Conversation* conversation) {
    return conversation->length >= 3 && strncasecmp(conversation->text, "bye", 3) == 0;
}

// Answers what the conversation holds and waits for more; returns whether there is.
static int exchange(int fd, Conversation* conversation) {
    int last = says_bye(conversation);
    upper_case(conversation->text, conversation->length);
    if (send(fd, conversation->text, conversation->length, 0) < 0 || last) {
        return 0;
    }
    ssize_t length;
    do {
        length = recv(fd, conversation->text, sizeof conversation->text, 0);
    } while (length < 0 && errno == EINTR);
    conversation->length = length < 0 ? 0 : (size_t)length;
    return length >= 0;
}

static void* converse(void* argument) {
    Conversation* conversation = argument;
    int fd = open_port(&conversation->client);
    if (fd >= 0) {
        while (exchange(fd, conversation)) {
        }
        close(fd);
    }
    free(conversation);
    return NULL;
}

// The first datagram of the next conversation.
static Conversation* receive(int server) {
    Conversation* conversation = malloc(sizeof *conversation);
    if (conversation == NULL) {
        fatal("malloc");
    }
    ssize_t length;
    do {
        socklen_t client_length = sizeof conversation->client;
        length = recvfrom(server, conversation->text, sizeof conversation->text, 0,
                          (struct sockaddr*)&conversation->client, &client_length);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        fatal("recvfrom");
    }
    conversation->length = (size_t)length;
    return conversation;
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "udp_ports PORT");
    pthread_attr_t detached;
    int error = pthread_attr_init(&detached);
    error = error != 0 ? error : pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    if (error != 0) {
        fatal_error(error, "pthread_attr");
    }
    int server = bind_udp(port);
    for (;;) {
        Conversation* conversation = receive(server);
        pthread_t thread;
        error = pthread_create(&thread, &detached, converse, conversation);
        if (error != 0) {
            fprintf(stderr, "pthread_create: %s\n", strerror(error));
            free(conversation);
        }
    }
}
