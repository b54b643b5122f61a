// SPDX-License-Identifier: Apache-2.0
//
// epoll_level PORT: an event loop over epoll, level-triggered. The set of descriptors lives in the kernel and each wait
// returns only those that have something to say, so an idle client costs nothing.
//
// Level-triggered means that a descriptor is returned for as long as it is readable. One read an event is therefore
// enough, and what it leaves is reported again. The sockets block: a client that sends without reading what comes back
// will, once the buffers between are full, hold everybody up in write. epoll_edge is the remedy.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static void accept_client(int set, int listener) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) {
        accept_failed();
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = client};
    if (epoll_ctl(set, EPOLL_CTL_ADD, client, &event) < 0) {
        perror("epoll_ctl");
        close(client);
    }
}

// close takes the descriptor out of the set, since nobody holds a copy of it.
static void serve_once(int client) {
    char buffer[4096];
    ssize_t length = read(client, buffer, sizeof buffer);
    if (length > 0) {
        upper_case(buffer, (size_t)length);
        if (write_all(client, buffer, (size_t)length) == 0) {
            return;
        }
    }
    close(client);
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "epoll_level PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0) {
        fatal("epoll");
    }
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK) < 0) {
        fatal("fcntl");
    }
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(set, events, 64, -1);
        if (count < 0 && errno != EINTR) {
            fatal("epoll_wait");
        }
        for (int i = 0; i < count; ++i) {
            if (events[i].data.fd == listener) {
                accept_client(set, listener);
            } else {
                serve_once(events[i].data.fd);
            }
        }
    }
}
