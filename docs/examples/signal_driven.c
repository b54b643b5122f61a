// SPDX-License-Identifier: Apache-2.0
//
// signal_driven PORT: a datagram server that is told by a signal. The kernel sends SIGIO whenever the socket with
// O_ASYNC becomes readable, and the program could do something else meanwhile; this one sleeps in sigsuspend.
//
// SIGIO is blocked except in sigsuspend, which unblocks it and waits in one step: a signal between the look at the flag
// and the wait is not lost. Several datagrams may cause one signal, so the socket does not block and is read until it
// is empty. The handler only sets a flag; all that it may do beyond that is in signal-safety(7).

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

static volatile sig_atomic_t readable = 1;

static void note(int signal_number) {
    (void)signal_number;
    readable = 1;
}

// From here on SIGIO comes in sigsuspend alone; returns the mask to wait with.
static sigset_t ask_for_signals(int fd) {
    sigset_t only_sigio;
    sigset_t before;
    sigemptyset(&only_sigio);
    sigaddset(&only_sigio, SIGIO);
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&action.sa_mask);
    if (sigprocmask(SIG_BLOCK, &only_sigio, &before) < 0 || sigaction(SIGIO, &action, NULL) < 0) {
        fatal("SIGIO");
    }
    if (fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC | O_NONBLOCK) < 0) {
        fatal("fcntl");
    }
    sigdelset(&before, SIGIO);
    return before;
}

static void answer_all(int fd) {
    static char buffer[65536];
    for (;;) {
        struct sockaddr_storage client;
        socklen_t client_length = sizeof client;
        ssize_t length = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr*)&client, &client_length);
        if (length < 0 && errno == EAGAIN) {
            return;
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

int main(int argc, char** argv) {
    unsigned short port = parse_port(argc == 2 ? argv[1] : NULL, "signal_driven PORT");
    int fd = bind_udp(port);
    sigset_t waiting = ask_for_signals(fd);
    for (;;) {
        while (!readable) {
            sigsuspend(&waiting);
        }
        readable = 0;
        answer_all(fd);
    }
}
