// SPDX-License-Identifier: Apache-2.0
//
// echo PORT: sends back whatever each client sends, one thread a connection. Port 0 takes a free one; the port is
// printed. Plain POSIX threads and blocking calls: build it with `cc -O2 -pthread echo.c`.
//
// A client that cannot be served (no thread, no descriptor) is dropped and the server goes on.

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int write_all(int fd, const char* bytes, size_t length) {
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

static void* serve(void* arg) {
    int fd = (int)(intptr_t)arg;
    char buffer[4096];
    for (;;) {
        ssize_t length = read(fd, buffer, sizeof buffer);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length <= 0 || write_all(fd, buffer, (size_t)length) < 0) {
            break;
        }
    }
    close(fd);
    return NULL;
}

static _Noreturn void fatal(const char* what) {
    perror(what);
    exit(1);
}

static int listen_on(unsigned short port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) {
        fatal("socket");
    }
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) {
        fatal("setsockopt");
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof address;
    if (bind(fd, (struct sockaddr*)&address, length) < 0) {
        fatal("bind");
    }
    if (listen(fd, SOMAXCONN) < 0) {
        fatal("listen");
    }
    if (getsockname(fd, (struct sockaddr*)&address, &length) < 0) {
        fatal("getsockname");
    }
    printf("listening on port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

// Only a listener that is no longer one ends the server. A shortage (no descriptors, no memory) is waited out.
static void accept_failed(void) {
    if (errno == EINTR || errno == ECONNABORTED) {
        return;
    }
    if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) {
        fatal("accept");
    }
    perror("accept");
    struct timespec delay = {.tv_nsec = 100 * 1000 * 1000};
    nanosleep(&delay, NULL);
}

int main(int argc, char** argv) {
    char* end = NULL;
    long port = argc == 2 ? strtol(argv[1], &end, 10) : -1;
    if (port < 0 || port > 65535 || end == argv[1] || *end != 0) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    int listener = listen_on((unsigned short)port);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            accept_failed();
            continue;
        }
        pthread_t thread;
        int error = pthread_create(&thread, &detached, serve, (void*)(intptr_t)fd);
        if (error != 0) {
            fprintf(stderr, "pthread_create: %s\n", strerror(error));
            close(fd);
        }
    }
}
