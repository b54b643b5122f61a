// SPDX-License-Identifier: Apache-2.0
//
// prefork_pass PORT [CHILDREN]: the parent accepts and hands each connection to a child that is free. A descriptor
// cannot be written to a pipe as a number, for it means something in one process only. Sent as ancillary data
// (SCM_RIGHTS) over a Unix stream socket the kernel makes it a descriptor of the receiver's, for the same connection.
//
// Each child has such a socket to its parent and answers one byte when it is free again. The parent waits for that, and
// for connections while a child is free. When the parent ends, its children read the end of file and exit; therefore a
// child closes the parent's ends of the sockets that were made before it.

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

typedef union Rights {
    struct cmsghdr header;  // for its alignment
    char bytes[CMSG_SPACE(sizeof(int))];
} Rights;

// One byte of data carries the descriptor: ancillary data cannot travel alone on a stream.
static void send_descriptor(int channel, int fd) {
    Rights rights = {.bytes = {0}};
    char byte = 0;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    if (sendmsg(channel, &message, 0) < 0) {
        fatal("sendmsg");
    }
}

// Returns -1 at the end of file.
static int receive_descriptor(int channel) {
    Rights rights;
    char byte;
    struct iovec data = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof rights.bytes};
    ssize_t length = recvmsg(channel, &message, 0);
    if (length == 0) {
        return -1;
    }
    struct cmsghdr* header = length < 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
        fatal("recvmsg");
    }
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

static _Noreturn void serve_clients(int channel) {
    int client;
    while ((client = receive_descriptor(channel)) >= 0) {
        serve_client(client);
        close(client);
        if (write_all(channel, "", 1) < 0) {
            break;
        }
    }
    exit(0);
}

// The listener, then the channels of the busy children, then those of the free ones.
static struct pollfd* watched;

static void start_child(int before) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0) {
        fatal("socketpair");
    }
    pid_t child = fork();
    if (child < 0) {
        fatal("fork");
    }
    if (child == 0) {
        close(ends[0]);
        for (int i = 0; i <= before; ++i) {
            close(watched[i].fd);
        }
        serve_clients(ends[1]);
    }
    close(ends[1]);
    watched[1 + before] = (struct pollfd){.fd = ends[0], .events = POLLIN};
}

// Returns how many children are still busy after those that have something to say.
static int note_free(int busy) {
    for (int i = busy; i > 0; --i) {
        if (watched[i].revents == 0) {
            continue;
        }
        char byte;
        if (read(watched[i].fd, &byte, 1) != 1) {
            fprintf(stderr, "a child has ended\n");
            exit(1);
        }
        struct pollfd freed = watched[i];
        watched[i] = watched[busy];
        watched[busy--] = freed;
    }
    return busy;
}

static _Noreturn void pass_connections(int count) {
    int busy = 0;
    for (;;) {
        watched[0].events = busy < count ? POLLIN : 0;
        if (poll(watched, 1 + (nfds_t)busy, -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            fatal("poll");
        }
        busy = note_free(busy);
        if ((watched[0].revents & POLLIN) == 0) {
            continue;
        }
        int client = accept(watched[0].fd, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        send_descriptor(watched[++busy].fd, client);
        close(client);
    }
}

int main(int argc, char** argv) {
    const char* usage = "prefork_pass PORT [CHILDREN]";
    unsigned short port = parse_port(argc == 2 || argc == 3 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 3 ? argv[2] : NULL, usage);
    signal(SIGPIPE, SIG_IGN);
    watched = calloc((size_t)count + 1, sizeof *watched);
    if (watched == NULL) {
        fatal("calloc");
    }
    watched[0].fd = listen_tcp(port);
    for (int i = 0; i < count; ++i) {
        start_child(i);
    }
    pass_connections(count);
}
