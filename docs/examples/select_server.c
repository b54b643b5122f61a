// SPDX-License-Identifier: Apache-2.0
//
// select_server PORT: one process, no threads, many clients, and a user. select waits for all of them at once: the
// listener, each client, and standard input, where the user types the commands "clients" (how many are connected) and
// "quit".
//
// A descriptor that select returns can be read once without blocking, so the sockets stay blocking. The listener does
// not: a client may take its connection back between select and accept, which would then wait for the next. The flags
// of standard input are left alone, for they belong to the terminal and so to the shell as well.
//
// An fd_set has room for descriptors below FD_SETSIZE (1024) only; clients beyond that are turned away.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static fd_set watched;
static int highest;
static int clients;

static void watch(int fd) {
    FD_SET(fd, &watched);
    highest = fd > highest ? fd : highest;
}

static void accept_client(int listener) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) {
        accept_failed();
        return;
    }
    if (client >= FD_SETSIZE) {
        close(client);
        return;
    }
    watch(client);
    ++clients;
}

static void serve_once(int client) {
    char buffer[4096];
    ssize_t length = read(client, buffer, sizeof buffer);
    if (length > 0) {
        upper_case(buffer, (size_t)length);
        if (write_all(client, buffer, (size_t)length) == 0) {
            return;
        }
    }
    FD_CLR(client, &watched);
    close(client);
    --clients;
}

static void obey(const char* command) {
    if (strcmp(command, "quit") == 0) {
        exit(0);
    }
    if (strcmp(command, "clients") == 0) {
        printf("%d\n", clients);
    } else {
        printf("commands: clients, quit\n");
    }
    fflush(stdout);
}

// Commands end with a newline; one read may bring several, or half of one.
static void read_commands(void) {
    static char line[256];
    static size_t length;
    ssize_t count = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
    if (count <= 0) {
        FD_CLR(STDIN_FILENO, &watched);
        return;
    }
    length += (size_t)count;
    line[length] = 0;
    char* begin = line;
    for (char* end; (end = strchr(begin, '\n')) != NULL; begin = end + 1) {
        *end = 0;
        obey(begin);
    }
    length = begin == line && length == sizeof line - 1 ? 0 : strlen(begin);
    memmove(line, begin, length);
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "select_server PORT");
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_tcp(port);
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK) < 0) {
        fatal("fcntl");
    }
    watch(listener);
    watch(STDIN_FILENO);
    for (;;) {
        fd_set readable = watched;
        if (select(highest + 1, &readable, NULL, NULL, NULL) < 0) {
            if (errno == EINTR) {
                continue;
            }
            fatal("select");
        }
        for (int fd = 0; fd <= highest; ++fd) {
            if (!FD_ISSET(fd, &readable)) {
                continue;
            }
            if (fd == STDIN_FILENO) {
                read_commands();
            } else if (fd == listener) {
                accept_client(listener);
            } else {
                serve_once(fd);
            }
        }
    }
}
