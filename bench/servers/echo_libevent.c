// SPDX-License-Identifier: Apache-2.0
//
// The control of the baseline: the same echo on libevent, persistent edge-triggered events without
// bufferevents and with no locking, which is its fastest use. If the hand-written loop were slower than this,
// it would be no baseline. A write that does not fit is finished by waiting for the socket with poll, which
// does not happen with the small messages of the benchmark. usage: echo_libevent PORT
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBuffer = 16384, kBacklog = 4096 };

static struct event_base* base;

// 0 when the connection is broken.
static int write_all(int fd, const char* bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EAGAIN) return 0;
        if (n < 0) {
            struct pollfd wanted = {.fd = fd, .events = POLLOUT};
            poll(&wanted, 1, -1);
            continue;
        }
        bytes += n;
        length -= (size_t)n;
    }
    return 1;
}

static void readable(evutil_socket_t fd, short what, void* argument) {
    static char buffer[kBuffer];
    struct event* self = argument;
    ssize_t n;
    do {
        n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || !write_all(fd, buffer, (size_t)n)) {
            event_free(self);
            close(fd);
            return;
        }
    } while (n == kBuffer || (what & EV_CLOSED) != 0);
}

static void acceptable(evutil_socket_t listener, short what, void* argument) {
    (void)what;
    (void)argument;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct event* event =
            event_new(base, fd, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, readable, event_self_cbarg());
        if (event == NULL || event_add(event, NULL) != 0) abort();
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, kBacklog) != 0) {
        perror("echo_libevent: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char** argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: echo_libevent PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct event_config* config = event_config_new();
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    if (base == NULL) {
        fprintf(stderr, "echo_libevent: no usable event base\n");
        return 1;
    }
    struct event* accepting = event_new(base, listen_on(atoi(argv[1])), EV_READ | EV_ET | EV_PERSIST, acceptable, NULL);
    if (accepting == NULL || event_add(accepting, NULL) != 0) abort();
    event_base_dispatch(base);
    return 1;
}
