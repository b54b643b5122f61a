// SPDX-License-Identifier: Apache-2.0
//
// echo_stdio PORT: sends back each line that a client sends, one thread a connection, through stdio: fdopen, fgets,
// fprintf. Port 0 takes a free one; the port is printed. Build it with `cc -O2 -pthread echo_stdio.c`.
//
// A connection has two streams, since one stream may not change from reading to writing without a seek.
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

// Both streams of the connection, or neither: then the descriptor is closed. Returns 0 or -1.
static int open_streams(int fd, FILE** in, FILE** out) {
    int copy = dup(fd);
    *in = fdopen(fd, "r");
    *out = copy < 0 ? NULL : fdopen(copy, "w");
    if (*in != NULL && *out != NULL) {
        return 0;
    }
    perror("fdopen");
    *in != NULL ? fclose(*in) : close(fd);
    if (*out != NULL) {
        fclose(*out);
    } else if (copy >= 0) {
        close(copy);
    }
    return -1;
}

static void* serve(void* arg) {
    FILE* in;
    FILE* out;
    if (open_streams((int)(intptr_t)arg, &in, &out) < 0) {
        return NULL;
    }
    char line[4096];
    while (fgets(line, sizeof line, in) != NULL) {
        if (fprintf(out, "%s", line) < 0 || fflush(out) != 0) {
            break;
        }
    }
    fclose(out);
    fclose(in);
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
        fprintf(stderr, "usage: echo_stdio PORT\n");
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
