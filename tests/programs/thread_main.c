// SPDX-License-Identifier: Apache-2.0
//
// A library to preload into a program: main runs in a second thread, while the first one joins it. Under `rondo` with
// more than one worker the second thread is on another worker than the first, so that what the program calls, and above
// all forks, is on a worker whose kernel thread is not the process's first. Natively it changes nothing for a program
// that does not ask which thread is the first.
//
// The first thread blocks every signal: signals go to the program's own threads. The process ends with what main
// returns.

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

typedef int Main(int, char**, char**);
typedef int Start(Main*, int, char**, void (*)(void), void (*)(void), void (*)(void), void*);

static Main* program;
static sigset_t signals;
static struct {
    int count;
    char** values;
    char** environment;
} arguments;

static void* run(void* unused) {
    (void)unused;
    if (pthread_sigmask(SIG_SETMASK, &signals, NULL) != 0) {
        abort();
    }
    exit(program(arguments.count, arguments.values, arguments.environment));
}

static int run_in_a_thread(int count, char** values, char** environment) {
    arguments.count = count;
    arguments.values = values;
    arguments.environment = environment;
    sigset_t all;
    sigfillset(&all);
    pthread_t thread;
    if (pthread_sigmask(SIG_SETMASK, &all, &signals) != 0 || pthread_create(&thread, NULL, run, NULL) != 0) {
        abort();
    }
    pthread_join(thread, NULL);
    abort();
}

int __libc_start_main(Main* main, int count, char** values, void (*init)(void), void (*fini)(void),
                      void (*loader_fini)(void), void* stack_end) {
    program = main;
    void* found = dlsym(RTLD_NEXT, "__libc_start_main");
    Start* start = (Start*)found;
    return start(run_in_a_thread, count, values, init, fini, loader_fini, stack_end);
}
