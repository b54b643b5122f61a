// SPDX-License-Identifier: Apache-2.0
//
// signal_printf wrong|pipe [SIGNALS]: what a signal's handler may do, shown with SIGNALS signals (20) that a thread
// sends.
//
// Teaches: a handler interrupts main at any instruction, perhaps in the middle of printf, with stdout's buffer half
// changed. A printf in the handler then loses or doubles text, or waits for ever for a lock that main holds: it works
// nearly always, which is the worst. `wrong` does it while main prints as well. `pipe` is the remedy: the handler
// writes one byte into a pipe, which is allowed, and main reads it where printing is safe. errno is main's too: it is
// put back.
//
//     cc -pthread signal_printf.c net.c -o signal_printf && ./signal_printf pipe

#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "check.h"

enum { kMost = 100000, kPatienceSeconds = 10 };

static sem_t handled;  // posted by the handler: sem_post is one of the few functions that it may call
static int ends[2];
static volatile sig_atomic_t count;

static void print_in_handler(int number) {
    count = count + 1;
    printf("signal %d in the handler\n", number);
    sem_post(&handled);
}

static void write_to_pipe(int number) {
    int saved = errno;
    char byte = (char)number;
    if (write(ends[1], &byte, 1) != 1) {
        abort();
    }
    sem_post(&handled);
    errno = saved;
}

// Ends the program when the handler does not come back: then main, which it interrupted, never will.
static void wait_until_handled(void) {
    static const char hangs[] = "the handler and main wait for each other\n";
    struct timespec limit;
    if (clock_gettime(CLOCK_REALTIME, &limit) != 0) {
        fatal("clock_gettime");
    }
    limit.tv_sec += kPatienceSeconds;
    while (sem_timedwait(&handled, &limit) != 0) {
        if (errno == ETIMEDOUT) {
            _exit(write(STDERR_FILENO, hangs, sizeof hangs - 1) < 0 ? 1 : 3);
        }
        if (errno != EINTR) {
            fatal("sem_timedwait");
        }
    }
}

// Signals of one kind do not queue: the next is sent when the last has been handled, else some would become one.
static void* send_signals(void* argument) {
    for (intptr_t left = (intptr_t)argument; left > 0; --left) {
        if (kill(getpid(), SIGUSR1) != 0) {
            fatal("kill");
        }
        wait_until_handled();
    }
    return NULL;
}

static void install(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR1, &action, NULL) != 0) {
        fatal("sigaction");
    }
}

// Only main shall be interrupted: the sender starts with the signal blocked.
static pthread_t start_sender(long signals) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    check(pthread_sigmask(SIG_BLOCK, &blocked, &before), "pthread_sigmask");
    pthread_t sender = start_thread(send_signals, (void*)(intptr_t)signals);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL), "pthread_sigmask");
    return sender;
}

static void read_from_pipe(long signals) {
    for (long got = 1; got <= signals; ++got) {
        char number;
        if (read(ends[0], &number, 1) != 1) {
            fatal("read");
        }
        printf("signal %d, the %ldth byte from the pipe\n", number, got);
    }
}

int main(int argc, char** argv) {
    bool wrong = argc > 1 && strcmp(argv[1], "wrong") == 0;
    if (!wrong && (argc < 2 || strcmp(argv[1], "pipe") != 0)) {
        fprintf(stderr, "usage: signal_printf wrong|pipe [SIGNALS]\n");
        return 2;
    }
    long signals = number_argument(argc, argv, 2, 20, kMost);
    if (sem_init(&handled, 0, 0) != 0 || pipe(ends) != 0) {
        fatal("sem_init or pipe");
    }
    install(wrong ? print_in_handler : write_to_pipe);
    pthread_t sender = start_sender(signals);
    if (wrong) {
        while (count < signals) {
            printf("main prints\n");
        }
    } else {
        read_from_pipe(signals);
    }
    join_thread(sender);
    return 0;
}
