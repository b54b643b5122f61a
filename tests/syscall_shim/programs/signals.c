/* SPDX-License-Identifier: Apache-2.0
 *
 * The signal contract as a program sees it: EINTR out of main's accept, siglongjmp out of accept and of a fault, masks,
 * pending signals, sigsuspend, children, broken pipes, and the older calls. The other thread blocks everything, so that
 * each signal to the process is main's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "expect.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static volatile sig_atomic_t handled;
static sigjmp_buf before_jump;
static sem_t end;

static void count(int number) { handled = handled + (number > 0); }

static void jump(int number) { siglongjmp(before_jump, number); }

static void act(int number, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    handled = 0;
    EXPECT(sigaction(number, &action, NULL) == 0);
}

static sigset_t set_of(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static int is_blocked(int number) {
    sigset_t mask;
    EXPECT(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    return sigismember(&mask, number);
}

static void alarm_in_ms(int ms) {
    struct itimerval once = {{0, 0}, {0, ms * 1000}};
    EXPECT(setitimer(ITIMER_REAL, &once, NULL) == 0);
}

static int listener(void) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(bind(fd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(fd, 5) == 0);
    return fd;
}

static void interrupted_accept(void) {
    int fd = listener();
    act(SIGALRM, count, 0);
    alarm_in_ms(20);
    EXPECT(accept(fd, NULL, NULL) == -1 && errno == EINTR && handled == 1);
    act(SIGALRM, jump, SA_RESTART);
    alarm_in_ms(20);
    if (sigsetjmp(before_jump, 1) == 0) {
        accept(fd, NULL, NULL);
        EXPECT(!"accept returned");
    }
    EXPECT(!is_blocked(SIGALRM));
    EXPECT(close(fd) == 0);
    pass("interrupted accept");
}

static void computing(void) {
    act(SIGALRM, count, 0);
    alarm_in_ms(20);
    while (handled == 0) {
    }
    pass("computing");
}

static void masks(void) {
    sigset_t set = set_of(SIGUSR1), before, pending;
    act(SIGUSR1, count, 0);
    EXPECT(raise(SIGUSR1) == 0 && handled == 1);
    EXPECT(kill(getpid(), SIGUSR1) == 0 && handled == 2);
    EXPECT(sigprocmask(SIG_BLOCK, &set, &before) == 0);
    EXPECT(kill(getpid(), SIGUSR1) == 0 && handled == 2);
    EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
    EXPECT(sigsuspend(&before) == -1 && errno == EINTR && handled == 3);
    EXPECT(is_blocked(SIGUSR1));
    EXPECT(kill(getpid(), SIGUSR1) == 0 && handled == 3);
    struct timespec second = {1, 0};
    EXPECT(ppoll(NULL, 0, &second, &before) == -1 && errno == EINTR && handled == 4);
    EXPECT(kill(getpid(), SIGUSR1) == 0);
    int number = 0;
    EXPECT(sigwait(&set, &number) == 0 && number == SIGUSR1 && handled == 4);
    EXPECT(sigprocmask(SIG_SETMASK, &before, NULL) == 0 && handled == 4);
    pass("masks");
}

static void descriptor_of_signals(void) {
    sigset_t set = set_of(SIGUSR2), before;
    struct signalfd_siginfo info;
    EXPECT(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    int fd = signalfd(-1, &set, 0);
    EXPECT(kill(getpid(), SIGUSR2) == 0);
    EXPECT(read(fd, &info, sizeof(info)) == sizeof(info) && info.ssi_signo == SIGUSR2);
    EXPECT(close(fd) == 0);
    EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pass("signalfd");
}

static void children(void) {
    int status;
    act(SIGCHLD, count, SA_RESTART);
    sigset_t set = set_of(SIGCHLD), before;
    EXPECT(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    pid_t child = fork();
    if (child == 0) {
        EXPECT(is_blocked(SIGCHLD));
        _exit(raise(SIGCHLD) == 0 && handled == 0 && pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && handled == 1
                  ? 7
                  : 8);
    }
    while (handled == 0) sigsuspend(&before);
    EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pass("children");
}

static void broken_pipes(void) {
    int ends[2];
    EXPECT(pipe(ends) == 0 && close(ends[0]) == 0);
    act(SIGPIPE, count, 0);
    EXPECT(write(ends[1], "x", 1) == -1 && errno == EPIPE && handled == 1);
    EXPECT(signal(SIGPIPE, SIG_IGN) == count);
    EXPECT(write(ends[1], "x", 1) == -1 && errno == EPIPE && handled == 1);
    EXPECT(signal(SIGPIPE, SIG_DFL) == SIG_IGN);
    pid_t child = fork();
    if (child == 0) {
        write(ends[1], "x", 1);
        _exit(1);
    }
    int status;
    EXPECT(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    EXPECT(close(ends[1]) == 0);
    pass("broken pipes");
}

static void faults(void) {
    static char alternate[65536];
    int* volatile nowhere = NULL;
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, now;
    EXPECT(sigaltstack(&stack, NULL) == 0 && sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate);
    for (volatile int i = 0; i < 3; ++i) {
        act(SIGSEGV, jump, i == 1 ? SA_ONSTACK : 0);
        if (sigsetjmp(before_jump, 1) == 0) {
            *nowhere = 1;
            EXPECT(!"the store went through");
        }
        EXPECT(!is_blocked(SIGSEGV));
    }
    signal(SIGSEGV, SIG_DFL);
    pass("faults");
}

static void older_calls(void) {
    handled = 0;
    EXPECT(signal(SIGUSR1, count) == count && raise(SIGUSR1) == 0 && handled == 1);
    EXPECT(sigset(SIGUSR1, SIG_HOLD) == count && is_blocked(SIGUSR1));
    EXPECT(raise(SIGUSR1) == 0 && handled == 1);
    EXPECT(sigrelse(SIGUSR1) == 0 && handled == 2 && !is_blocked(SIGUSR1));
    EXPECT(sighold(SIGUSR1) == 0 && is_blocked(SIGUSR1) && sigrelse(SIGUSR1) == 0);
    EXPECT(sigignore(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && handled == 2);
    EXPECT(signal(SIGUSR1, count) == SIG_IGN);
    struct sigaction action;
    EXPECT(siginterrupt(SIGUSR1, 1) == 0 && sigaction(SIGUSR1, NULL, &action) == 0);
    EXPECT((action.sa_flags & SA_RESTART) == 0);
    EXPECT(siginterrupt(SIGUSR1, 0) == 0 && sigaction(SIGUSR1, NULL, &action) == 0);
    EXPECT((action.sa_flags & SA_RESTART) != 0);
    pass("older calls");
}

static void print(int number) {
    char text[16];
    printf("passed printing in handler %s\n", (snprintf(text, sizeof(text), "%d", number), text));
    fflush(stdout);
}

static void printing(void) {
    act(SIGINT, print, 0);
    EXPECT(raise(SIGINT) == 0);
    EXPECT(kill(getpid(), SIGINT) == 0);
}

static void* wait_for_end(void* arg) {
    while (sem_wait(&end) != 0) {
    }
    return arg;
}

int main(void) {
    pthread_t other;
    sigset_t all, before;
    sigfillset(&all);
    EXPECT(sem_init(&end, 0, 0) == 0);
    EXPECT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    EXPECT(pthread_create(&other, NULL, wait_for_end, NULL) == 0);
    EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    interrupted_accept();
    computing();
    masks();
    descriptor_of_signals();
    children();
    broken_pipes();
    faults();
    older_calls();
    printing();
    EXPECT(sem_post(&end) == 0 && pthread_join(other, NULL) == 0);
    return 0;
}
