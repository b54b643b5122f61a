// SPDX-License-Identifier: Apache-2.0
//
// The smallest threaded echo server, plain POSIX: what a user links with rondo-pthread. Its argument is the port.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void* echo(void* argument) {
    int fd = (int)(intptr_t)argument;
    char buffer[512];
    ssize_t n;
    while ((n = read(fd, buffer, sizeof buffer)) > 0 && write(fd, buffer, (size_t)n) == n) {
    }
    close(fd);
    return NULL;
}

static int fail(const char* what) {
    perror(what);
    return 1;
}

int main(int argc, char** argv) {
    if (argc != 2) return fprintf(stderr, "usage: %s PORT\n", argv[0]), 2;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0) return fail("bind");
    if (listen(listener, 64) != 0) return fail("listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) return fail("accept");
        pthread_t thread;
        if (pthread_create(&thread, NULL, echo, (void*)(intptr_t)fd) != 0) return fail("pthread_create");
        pthread_detach(thread);
    }
}
