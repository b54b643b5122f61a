// SPDX-License-Identifier: Apache-2.0
//
// epoll_edge PORT: an event loop over epoll, edge-triggered, in which no client can hold up another. Sockets never
// block.
//
// Edge-triggered means that a descriptor is returned when it becomes readable or writable, not for as long as it is. So
// it is registered once, for both, and never again; and after an event the program must go on until a call says EAGAIN,
// or the rest is never heard of. What a thread would keep on its stack, half an answer, must be kept by hand: that is
// `Client`. While an answer is not completely written nothing more is read from its client, so one buffer each is
// enough.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

typedef struct Client {
    int fd;
    size_t begin;  // of what is still to be written
    size_t end;
    char buffer[4096];
} Client;

static int make_non_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

// Reads and writes as far as it goes without waiting. Returns 0 if the client has ended.
static int advance(Client* client) {
    for (;;) {
        ssize_t count;
        if (client->begin < client->end) {
            count = write(client->fd, client->buffer + client->begin, client->end - client->begin);
            client->begin += count > 0 ? (size_t)count : 0;
        } else {
            count = read(client->fd, client->buffer, sizeof client->buffer);
            client->begin = 0;
            client->end = count > 0 ? (size_t)count : 0;
            upper_case(client->buffer, client->end);
        }
        if (count < 0 && errno != EINTR) {
            return errno == EAGAIN;
        }
        if (count == 0) {
            return 0;
        }
    }
}

static void drop(Client* client) {
    close(client->fd);
    free(client);
}

static void welcome(int set, int fd) {
    Client* client = malloc(sizeof *client);
    if (client == NULL || make_non_blocking(fd) < 0) {
        perror("client");
        close(fd);
        free(client);
        return;
    }
    client->fd = fd;
    client->begin = client->end = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("epoll_ctl");
        drop(client);
    }
}

// One event may stand for many connections. A shortage of descriptors does not lose the edge: it is tried again.
static void accept_clients(int set, int listener) {
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            welcome(set, fd);
        } else if (errno == EAGAIN) {
            return;
        } else {
            accept_failed();
        }
    }
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "epoll_edge PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (set < 0 || make_non_blocking(listener) < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0) {
        fatal("epoll");
    }
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(set, events, 64, -1);
        if (count < 0 && errno != EINTR) {
            fatal("epoll_wait");
        }
        for (int i = 0; i < count; ++i) {
            Client* client = events[i].data.ptr;
            if (client == NULL) {
                accept_clients(set, listener);
            } else if (!advance(client)) {
                drop(client);
            }
        }
    }
}
