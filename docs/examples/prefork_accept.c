// SPDX-License-Identifier: Apache-2.0
//
// prefork_accept PORT [CHILDREN]: fork is slow, so this server forks before its clients come. Every child waits in
// accept on the same listener, which all have inherited, and the kernel gives each connection to one of them. A child
// serves one client at a time: as many clients are served at once as there are children.
//
// prefork_lock shows what to do where several processes may not call accept at once, prefork_pass how the parent can
// choose.

#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "net.h"

static void serve_clients(void* argument) {
    int listener = *(int*)argument;
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

int main(int argc, char** argv) {
    const char* usage = "prefork_accept PORT [CHILDREN]";
    unsigned short port = parse_port(argc == 2 || argc == 3 ? argv[1] : NULL, usage);
    int count = parse_count(argc == 3 ? argv[2] : NULL, usage);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    keep_children(count, serve_clients, &listener);
}
