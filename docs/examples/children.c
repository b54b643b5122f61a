// SPDX-License-Identifier: Apache-2.0
//
// Makes, watches and ends the children of a preforking server (children.h).
//
// The parent has nothing to do but to wait for signals, so it takes them one at a time with sigwait instead of in
// handlers: SIGCHLD when a child ended, SIGINT or SIGTERM when all shall. They are blocked before the first fork, or
// one could come too early; each child unblocks them again. sigwait waits for SIGCHLD although its default is to be
// ignored, because it is blocked; one may stand for several children.

#include "children.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net.h"

static pid_t family[kMostServers];
static sigset_t awaited;

static void block_signals(void) {
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &awaited, NULL) < 0) {
        fatal("sigprocmask");
    }
}

static pid_t start_child(void (*child)(void*), void* argument) {
    pid_t pid = fork();
    if (pid < 0) {
        fatal("fork");
    }
    if (pid == 0) {
        if (sigprocmask(SIG_UNBLOCK, &awaited, NULL) < 0) {
            fatal("sigprocmask");
        }
        child(argument);
        exit(1);
    }
    return pid;
}

static void replace_ended(int count, void (*child)(void*), void* argument) {
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {
        for (int i = 0; i < count; ++i) {
            if (family[i] == ended) {
                family[i] = start_child(child, argument);
            }
        }
    }
}

static _Noreturn void end_all(int count) {
    for (int i = 0; i < count; ++i) {
        kill(family[i], SIGTERM);
    }
    while (wait(NULL) > 0) {
    }
    exit(0);
}

_Noreturn void keep_children(int count, void (*child)(void*), void* argument) {
    block_signals();
    for (int i = 0; i < count; ++i) {
        family[i] = start_child(child, argument);
    }
    for (;;) {
        int received;
        int error = sigwait(&awaited, &received);
        if (error != 0) {
            fatal_error(error, "sigwait");
        }
        if (received != SIGCHLD) {
            end_all(count);
        }
        replace_ended(count, child, argument);
    }
}
