// SPDX-License-Identifier: Apache-2.0
//
// tcp_iterative PORT: the simplest server there is. One process accepts a connection, serves it to its end, and only
// then accepts the next. Every other client waits meanwhile: its connection is complete (the kernel's backlog holds
// it), but nobody answers. All other servers here differ from this one in how they avoid that.
//
// A client that goes away while it is written to would end the server by SIGPIPE; ignored, the write fails with EPIPE.

#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "tcp_iterative PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        serve_client(client);
        close(client);
    }
}
