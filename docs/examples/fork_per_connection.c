// SPDX-License-Identifier: Apache-2.0
//
// fork_per_connection PORT: the classic Unix server. The parent accepts and forks; the child serves its client with
// blocking calls and exits. Each client has a whole process, which can neither harm the others nor share memory with
// them.
//
// Three things to get right. Each process closes the descriptor that is not its business: a connection ends for the
// client only when the parent's copy is closed, too. A child that exits stays a zombie until its parent waits for it,
// so a SIGCHLD handler does, in a loop, since several exits may cause one signal. And that signal interrupts accept,
// which is no error.

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

static void reap(int signal_number) {
    (void)signal_number;
    int interrupted_errno = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = interrupted_errno;
}

static void catch_exits(void) {
    struct sigaction action = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGCHLD, &action, NULL) < 0) {
        fatal("sigaction");
    }
}

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "fork_per_connection PORT");
    signal(SIGPIPE, SIG_IGN);
    catch_exits();
    int listener = listen_tcp(port);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            accept_failed();
            continue;
        }
        pid_t child = fork();
        if (child == 0) {
            close(listener);
            serve_client(client);
            exit(0);
        }
        if (child < 0) {
            perror("fork");
        }
        close(client);
    }
}
