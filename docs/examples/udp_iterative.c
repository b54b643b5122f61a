// SPDX-License-Identifier: Apache-2.0
//
// udp_iterative PORT: a datagram server. There are no connections: one socket receives from everybody, recvfrom says
// from whom, and sendto answers there. A request is one datagram and its answer is quick, so a loop that serves one
// request after the other serves all clients fairly; compare tcp_iterative, where one client can hold the server for
// ever.
//
// A datagram may be empty, which is no end of file. A failed answer (its client is gone) concerns that client only.

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "net.h"

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "udp_iterative PORT");
    int fd = bind_udp(port);
    char buffer[65536];
    for (;;) {
        struct sockaddr_storage client;
        socklen_t client_length = sizeof client;
        ssize_t length = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr*)&client, &client_length);
        if (length < 0 && errno == EINTR) {
            continue;
        }
        if (length < 0) {
            fatal("recvfrom");
        }
        upper_case(buffer, (size_t)length);
        if (sendto(fd, buffer, (size_t)length, 0, (struct sockaddr*)&client, client_length) < 0) {
            perror("sendto");
        }
    }
}
