// SPDX-License-Identifier: Apache-2.0
//
// signal_log [LINES]: main writes LINES lines (10) to a log, and so does the handler of a signal that a thread sends.
//
// Teaches: a handler runs on top of whatever it interrupts. If that is main between lock and unlock, the handler waits
// for a lock that only main can release, and main goes on only when the handler has returned: a deadlock of one thread
// with itself. printf, malloc and most of libc have such locks inside; signal_printf.c has the remedy.
//
//     cc -g -pthread signal_log.c net.c -o signal_log && rondo explore ./signal_log

#include <signal.h>
#include <unistd.h>

#include "check.h"

enum { kMost = 100000 };

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void log_line(const char* who) {
    lock(&log_mutex);
    printf("a line of %s\n", who);
    unlock(&log_mutex);
}

static void log_in_handler(int number) {
    (void)number;
    log_line("the handler");
}

static void* send_signal(void* unused) {
    if (kill(getpid(), SIGUSR1) != 0) {
        fatal("kill");
    }
    return unused;
}

// Only main shall be interrupted: the sender starts with the signal blocked.
static pthread_t start_sender(void) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    check(pthread_sigmask(SIG_BLOCK, &blocked, &before), "pthread_sigmask");
    pthread_t sender = start_thread(send_signal, NULL);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL), "pthread_sigmask");
    return sender;
}

int main(int argc, char** argv) {
    long lines = number_argument(argc, argv, 1, 10, kMost);
    struct sigaction action = {.sa_handler = log_in_handler, .sa_flags = SA_RESTART};
    if (sigaction(SIGUSR1, &action, NULL) != 0) {
        fatal("sigaction");
    }
    pthread_t sender = start_sender();
    for (long i = 0; i < lines; ++i) {
        log_line("main");
    }
    join_thread(sender);
    return 0;
}
