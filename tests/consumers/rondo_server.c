// SPDX-License-Identifier: Apache-2.0
//
// The echo server on the C API: what a user links with rondo. Its argument is the port.
#include <arpa/inet.h>
#include <rondo/rondo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void* echo(void* argument) {
    int fd = (int)(intptr_t)argument;
    char buffer[512];
    ssize_t n;
    while ((n = rondo_read(fd, buffer, sizeof buffer)) > 0 && rondo_write(fd, buffer, (size_t)n) == n) {
    }
    rondo_close(fd);
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
        int fd = rondo_accept(listener, NULL, NULL);
        if (fd < 0) return fail("rondo_accept");
        rondo_t thread;
        if (rondo_create(&thread, NULL, echo, (void*)(intptr_t)fd) != 0) return fail("rondo_create");
        rondo_detach(thread);
    }
}
