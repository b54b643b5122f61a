// SPDX-License-Identifier: Apache-2.0
//
// Threads that keep their processor, for the stall watchdog: in system calls made by inline assembly, which nobody can
// intercept, and in loops that make no call. A wait takes a second, so that it is seen on a loaded machine; a loop 300
// ms of the processor.
//
//   stalls WAY [TIMES]
//
//   read    a read() of a timer's descriptor           wait    an epoll_wait(), which a stop would end with EINTR
//   loop    a loop                                     busy    a well-behaved thread: computes 1 ms, then yields
//   both    the read and the loop, in turn             idle    everybody sleeps
//   fork    the read, in a child
//
// Beside the thread that does so, another one counts rounds of a short sleep; both have to come to their end. Nobody
// else may have changed what a process owns: it has no child, got no SIGCHLD, and its next descriptor is the one it
// expects.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kWait = 1000, kCompute = 300, kCounts = 20 };

static int times = 1;
static volatile sig_atomic_t children;
static int next_descriptor;  // 0: not checked, for the other thread makes some

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static long system_call(long number, long a, long b, long c, long d) {
    long result;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return result;
}

static void read_by_instruction(int fd) {
    unsigned long expirations = 0;
    long result = system_call(SYS_read, fd, (long)&expirations, sizeof expirations, 0);  // MARK read
    if (result != sizeof expirations) {
        errno = (int)-result;
        fail("read");
    }
}

static void read_timer(void) {
    struct itimerspec once = {.it_value = {.tv_sec = kWait / 1000, .tv_nsec = kWait % 1000 * 1000000L}};
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    if (fd < 0 || timerfd_settime(fd, 0, &once, NULL) != 0) {
        fail("timerfd");
    }
    read_by_instruction(fd);
    close(fd);
}

static void wait_by_instruction(void) {
    struct epoll_event event;
    int fd = epoll_create1(0);
    long result = system_call(SYS_epoll_wait, fd, (long)&event, 1, kWait);  // MARK wait
    if (result != 0) {
        errno = (int)-result;
        fail("epoll_wait");
    }
    close(fd);
}

static double processor_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static void compute(double milliseconds) {
    for (double end = processor_milliseconds() + milliseconds; processor_milliseconds() < end;) {
    }
}

static void loop(void) {
    compute(kCompute);  // MARK loop
}

static void behave(void) {
    for (int i = 0; i < kCompute; ++i) {
        compute(1);
        sched_yield();
    }
}

static void *misbehave(void *way) {
    pthread_setname_np(pthread_self(), "misbehaving");
    for (int i = 0; i < times; ++i) {
        if (strcmp(way, "read") == 0 || strcmp(way, "both") == 0 || strcmp(way, "fork") == 0) {
            read_timer();
            usleep(1000);
        }
        if (strcmp(way, "loop") == 0 || strcmp(way, "both") == 0) {
            loop();
        }
        if (strcmp(way, "wait") == 0) {
            wait_by_instruction();
        }
        if (strcmp(way, "busy") == 0) {
            behave();
        }
        usleep(1000);
    }
    return NULL;
}

static void note_child(int number) { children += number == SIGCHLD; }

static int open_and_close(void) {
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void check_process(void) {
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD || children != 0) {
        fail("a child");
    }
    if (next_descriptor != 0 && open_and_close() != next_descriptor) {
        fail("a descriptor");
    }
}

static void *count(void *rounds) {
    for (int i = 0; i < kCounts; ++i) {
        usleep(20000);
        check_process();
        ++*(int *)rounds;
    }
    return NULL;
}

static void *do_nothing(void *argument) { return argument; }

// Forks when there has been a second thread, and ends in the parent as the child does.
static void go_on_in_child(void) {
    pthread_t thread;
    int status = 0;
    if (pthread_create(&thread, NULL, do_nothing, NULL) != 0 || pthread_join(thread, NULL) != 0) {
        fail("a thread");
    }
    pid_t child = fork();
    if (child == 0) {
        return;
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        fail("fork");
    }
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv) {
    pthread_t worker;
    pthread_t counter;
    int rounds = 0;
    if (argc < 2) {
        return 2;
    }
    times = argc > 2 ? atoi(argv[2]) : 1;
    if (strcmp(argv[1], "fork") == 0) {
        go_on_in_child();
    }
    signal(SIGCHLD, note_child);
    if (pthread_create(&worker, NULL, misbehave, argv[1]) != 0) {
        return 1;
    }
    next_descriptor = strcmp(argv[1], "loop") == 0 ? open_and_close() : 0;
    if (pthread_create(&counter, NULL, count, &rounds) != 0) {
        return 1;
    }
    pthread_join(worker, NULL);
    pthread_join(counter, NULL);
    check_process();
    printf("%d rounds\n", rounds);
    return 0;
}
