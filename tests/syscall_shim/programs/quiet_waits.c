// SPDX-License-Identifier: Apache-2.0
//
// `quiet_waits WAY`: all threads wait, for a time or until deadlock_test.py does something, and then one of them ends
// the process with status 0. Nothing of this is a deadlock. One thread always waits for a condition that does not come.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct timespec kAWhile = {0, 700000000};  // longer than Rondo waits before it looks

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static sem_t* posted;
static char byte;

static void must(int holds) {
    if (!holds) {
        perror("quiet_waits");
        _exit(1);
    }
}

static struct timespec a_while_from_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += kAWhile.tv_nsec;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

static void* waits_for_ever(void* unused) {
    pthread_mutex_lock(&lock);
    for (;;) {
        pthread_cond_wait(&changed, &lock);
    }
    return unused;
}

static void post(int number) {
    (void)number;
    sem_post(posted);
}

static void notify(union sigval value) {
    (void)value;
    sem_post(posted);
}

static void nothing(int number) { (void)number; }

static void wait_posted(void) { must(sem_wait(posted) == 0); }

static void reads(void) { must(read(STDIN_FILENO, &byte, 1) == 1); }

static void polls(void) {
    struct pollfd wait = {STDIN_FILENO, POLLIN, 0};
    must(poll(&wait, 1, -1) == 1);
}

static void scans(void) { must(getchar() != EOF); }

static void sleeps(void) { must(nanosleep(&kAWhile, NULL) == 0); }

static void waits_for_time(void) {
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t none = PTHREAD_COND_INITIALIZER;
    struct timespec limit = a_while_from_now();
    pthread_mutex_lock(&own);
    must(pthread_cond_timedwait(&none, &own, &limit) == ETIMEDOUT);
}

static void* locks_for_a_time(void* mutex) {
    struct timespec limit = a_while_from_now();
    must(pthread_mutex_timedlock(mutex, &limit) == ETIMEDOUT);
    return NULL;
}

static void joins_timed_lock(void) {
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    pthread_mutex_lock(&own);
    must(pthread_create(&thread, NULL, locks_for_a_time, &own) == 0);
    pthread_join(thread, NULL);
}

static void accepts(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    must(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    must(accept(listener, NULL, NULL) >= 0);
}

static void waits_for_child(void) {
    pid_t child = fork();
    if (child == 0) {
        reads();
        _exit(0);
    }
    must(waitpid(child, NULL, 0) == child);
}

static void waits_for_any_child(void) {
    if (fork() == 0) {
        reads();
        _exit(0);
    }
    must(wait(NULL) > 0);
}

// The kernel wakes who waits for the lock when the child ends.
static void locks_file(void) {
    char path[] = "/tmp/quiet_waits.XXXXXX";
    int ends[2];
    int fd = mkstemp(path);
    must(fd >= 0 && unlink(path) == 0 && pipe(ends) == 0);
    char other[64];
    snprintf(other, sizeof other, "/proc/self/fd/%d", fd);
    if (fork() == 0) {
        int mine = open(other, O_RDWR);
        must(flock(mine, LOCK_EX) == 0 && write(ends[1], "x", 1) == 1);
        reads();
        _exit(0);
    }
    must(read(ends[0], &byte, 1) == 1);
    must(flock(fd, LOCK_EX) == 0);
}

static void shares_semaphore(void) {
    sem_t* shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED && sem_init(shared, 1, 0) == 0);
    if (fork() == 0) {
        reads();
        sem_post(shared);
        _exit(0);
    }
    must(sem_wait(shared) == 0);
}

static sigset_t block_user_signal(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return set;
}

static void waits_for_signal(void) {
    sigset_t set = block_user_signal();
    int number = 0;
    must(sigwait(&set, &number) == 0);
}

static void reads_signal(void) {
    sigset_t set = block_user_signal();
    struct signalfd_siginfo info;
    must(read(signalfd(-1, &set, 0), &info, sizeof info) == sizeof info);
}

static void pauses(void) {
    signal(SIGUSR1, nothing);
    pause();
}

static void waits_for_handler(void) {
    signal(SIGUSR1, post);
    wait_posted();
}

static void is_interrupted(void) {
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, NULL);
    must(sem_wait(posted) == -1 && errno == EINTR);
}

// libc's timers notify from a kernel thread of their own.
static void is_notified(void) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify};
    struct itimerspec when = {.it_value = kAWhile};
    timer_t timer;
    must(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &when, NULL) == 0);
    wait_posted();
}

static const struct {
    const char* name;
    void (*run)(void);
} kWays[] = {
    {"read", reads},
    {"poll", polls},
    {"getchar", scans},
    {"sleep", sleeps},
    {"timedwait", waits_for_time},
    {"timedlock", joins_timed_lock},
    {"accept", accepts},
    {"waitpid", waits_for_child},
    {"wait", waits_for_any_child},
    {"flock", locks_file},
    {"shared-semaphore", shares_semaphore},
    {"sigwait", waits_for_signal},
    {"signalfd", reads_signal},
    {"pause", pauses},
    {"handler", waits_for_handler},
    {"interrupted", is_interrupted},
    {"notified", is_notified},
};

int main(int argc, char** argv) {
    sem_t own;
    sem_init(&own, 0, 0);
    posted = &own;
    pthread_t thread;
    must(pthread_create(&thread, NULL, waits_for_ever, NULL) == 0);
    for (size_t i = 0; argc == 2 && i < sizeof kWays / sizeof kWays[0]; ++i) {
        if (strcmp(argv[1], kWays[i].name) == 0) {
            kWays[i].run();
            _exit(0);
        }
    }
    fprintf(stderr, "usage: quiet_waits WAY\n");
    return 2;
}
