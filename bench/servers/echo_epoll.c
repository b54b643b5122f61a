// SPDX-License-Identifier: Apache-2.0
//
// The baseline of the echo benchmark: one thread, one epoll set, as few system calls as epoll allows.
// A connection is registered once, edge-triggered, and never changed while its client reads what it is sent:
// a request costs one read, one write and its share of an epoll_wait. A read that did not fill the buffer has
// emptied the socket, so the read that would say EAGAIN is left out; the end of the stream is announced by
// EPOLLRDHUP instead. Only a write that does not fit keeps the rest and asks for EPOLLOUT until it is gone;
// until then nothing more is read. io_uring was left out on purpose: this is what the classic event loop can
// do. usage: echo_epoll PORT
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBuffer = 16384, kBatch = 512, kBacklog = 4096 };

struct connection {
    int fd;
    size_t kept;  // bytes in `rest`, still to be written
    char* rest;
};

static int epoll_fd;

static void watch(int operation, struct connection* c, uint32_t events) {
    struct epoll_event event = {.events = events | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0) perror("echo_epoll: epoll_ctl");
}

static void drop(struct connection* c) {
    close(c->fd);
    free(c->rest);
    free(c);
}

static void keep(struct connection* c, const char* bytes, size_t length) {
    c->rest = malloc(length);
    if (c->rest == NULL) abort();
    memcpy(c->rest, bytes, length);
    c->kept = length;
    watch(EPOLL_CTL_MOD, c, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
}

// Returns how many bytes went out, or -1 for a broken connection.
static ssize_t write_some(int fd, const char* bytes, size_t length) {
    size_t done = 0;
    while (done < length) {
        ssize_t n = write(fd, bytes + done, length - done);
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) return -1;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

// Writes what was kept; 1 when nothing is left, 0 when the socket is still full, -1 when it is broken.
static int flush(struct connection* c) {
    ssize_t n = write_some(c->fd, c->rest, c->kept);
    if (n < 0) return -1;
    memmove(c->rest, c->rest + n, c->kept - (size_t)n);
    c->kept -= (size_t)n;
    if (c->kept > 0) return 0;
    free(c->rest);
    c->rest = NULL;
    watch(EPOLL_CTL_MOD, c, EPOLLIN | EPOLLRDHUP);
    return 1;
}

// Echoes until the socket is empty or full; 0 when the connection has ended.
static int echo(struct connection* c, int ends) {
    static char buffer[kBuffer];
    for (;;) {
        ssize_t n = read(c->fd, buffer, sizeof buffer);
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return 0;
        ssize_t sent = write_some(c->fd, buffer, (size_t)n);
        if (sent < 0) return 0;
        if (sent < n) {
            keep(c, buffer + sent, (size_t)(n - sent));
            return 1;
        }
        if (n < kBuffer && !ends) return 1;
    }
}

static void serve(struct connection* c, uint32_t events) {
    if (c->kept > 0) {
        int flushed = flush(c);
        if (flushed < 0) drop(c);
        if (flushed <= 0) return;
        events |= EPOLLIN | EPOLLRDHUP;
    }
    if ((events & ~(uint32_t)EPOLLOUT) == 0) return;
    if (!echo(c, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)) drop(c);
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection* c = calloc(1, sizeof *c);
        if (c == NULL) abort();
        c->fd = fd;
        watch(EPOLL_CTL_ADD, c, EPOLLIN | EPOLLRDHUP);
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, kBacklog) != 0) {
        perror("echo_epoll: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char** argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: echo_epoll PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    epoll_fd = epoll_create1(0);
    struct connection listener = {.fd = listen_on(atoi(argv[1]))};
    watch(EPOLL_CTL_ADD, &listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[kBatch];
        int count = epoll_wait(epoll_fd, events, kBatch, -1);
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            if (c == &listener) {
                accept_all(c->fd);
            } else {
                serve(c, events[i].events);
            }
        }
    }
}
