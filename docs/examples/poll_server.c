// SPDX-License-Identifier: Apache-2.0
//
// poll_server PORT: an event loop over poll. As with select one thread waits for everybody, but the set is an array of
// as many entries as there are clients, without a limit on the numbers of descriptors. Both calls hand the whole set to
// the kernel each time and then look through all of it; epoll_level does neither.
//
// The first entry is the listener, which does not block (see select_server). A client that leaves gives its place to
// the last one, so the array stays dense. An error and a hang-up are found by the read that they make possible.

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static struct pollfd* watched;
static size_t count;
static size_t room;

static void watch(int fd) {
    if (count == room) {
        room = room == 0 ? 64 : 2 * room;
        watched = realloc(watched, room * sizeof *watched);
        if (watched == NULL) {
            fatal("realloc");
        }
    }
    watched[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void accept_client(int listener) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) {
        accept_failed();
        return;
    }
    watch(client);
}

// Whether the client stays.
static int serve_once(int client) {
    char buffer[4096];
    ssize_t length = read(client, buffer, sizeof buffer);
    if (length <= 0) {
        return 0;
    }
    upper_case(buffer, (size_t)length);
    return write_all(client, buffer, (size_t)length) == 0;
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "poll_server PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK) < 0) {
        fatal("fcntl");
    }
    watch(listener);
    for (;;) {
        if (poll(watched, count, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            fatal("poll");
        }
        // Downwards, so that the entry that moves into a leaver's place has been looked at.
        for (size_t i = count - 1; i > 0; --i) {
            if (watched[i].revents != 0 && !serve_once(watched[i].fd)) {
                close(watched[i].fd);
                watched[i] = watched[--count];
            }
        }
        if (watched[0].revents != 0) {
            accept_client(listener);
        }
    }
}
