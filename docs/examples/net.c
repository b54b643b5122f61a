// SPDX-License-Identifier: Apache-2.0
//
// The parts that the example programs share (net.h): error exits, sockets, the service. Blocking calls throughout; each
// function may be called by many threads or processes at once.

#include "net.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void fatal(const char* what) { fatal_error(errno, what); }

_Noreturn void fatal_error(int error, const char* what) {
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(1);
}

unsigned short parse_port(const char* text, const char* usage) {
    char* end = NULL;
    long port = text != NULL ? strtol(text, &end, 10) : -1;
    if (port < 0 || port > 65535 || end == text || *end != 0) {
        fprintf(stderr, "usage: %s\n", usage);
        exit(2);
    }
    return (unsigned short)port;
}

int parse_count(const char* text, const char* usage) {
    if (text == NULL) {
        return 4;
    }
    char* end = NULL;
    long count = strtol(text, &end, 10);
    if (count < 1 || count > kMostServers || end == text || *end != 0) {
        fprintf(stderr, "usage: %s\n", usage);
        exit(2);
    }
    return (int)count;
}

static int bind_port(int type, unsigned short port) {
    int fd = socket(AF_INET, type, 0);
    if (fd < 0) {
        fatal("socket");
    }
    int on = 1;
    if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) {
        fatal("setsockopt");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (bind(fd, (struct sockaddr*)&address, sizeof address) < 0) {
        fatal("bind");
    }
    return fd;
}

static void announce(int fd) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr*)&address, &length) < 0) {
        fatal("getsockname");
    }
    printf("listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int listen_tcp(unsigned short port) {
    int fd = bind_port(SOCK_STREAM, port);
    if (listen(fd, SOMAXCONN) < 0) {
        fatal("listen");
    }
    announce(fd);
    return fd;
}

int bind_udp(unsigned short port) {
    int fd = bind_port(SOCK_DGRAM, port);
    announce(fd);
    return fd;
}

int connect_tcp(const char* host, const char* port) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo* found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        errno = error == EAI_SYSTEM ? errno : EHOSTUNREACH;
        return -1;
    }
    int fd = -1;
    for (struct addrinfo* address = found; address != NULL && fd < 0; address = address->ai_next) {
        fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
        if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
            int reason = errno;
            close(fd);
            errno = reason;
            fd = -1;
        }
    }
    int reason = errno;
    freeaddrinfo(found);
    errno = reason;
    return fd;
}

void accept_failed(void) {
    if (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN) {
        return;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
        fatal("accept");
    }
    perror("accept");
    struct timespec delay = {.tv_nsec = 100 * 1000 * 1000};
    nanosleep(&delay, NULL);
}

int write_all(int fd, const char* bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -1;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

void upper_case(char* bytes, size_t length) {
    for (size_t i = 0; i < length; ++i) {
        bytes[i] = (char)toupper((unsigned char)bytes[i]);
    }
}

void serve_client(int fd) {
    char buffer[4096];
    for (;;) {
        ssize_t length = read(fd, buffer, sizeof buffer);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length <= 0) {
            return;
        }
        upper_case(buffer, (size_t)length);
        if (write_all(fd, buffer, (size_t)length) < 0) {
            return;
        }
    }
}
