/* SPDX-License-Identifier: Apache-2.0
 *
 * Children and those who wait for them: every wait parks (the child ends only when another thread has done its part),
 * system and popen run in threads side by side, and a program that is started finds the signal mask and the descriptor
 * flags that its parent set.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "expect.h"

extern char** environ;

enum { kThreads = 16 };

/* A child that reads from `in` until its end, and then ends with the status. */
static pid_t start_reader(int in, int status) {
    char command[64];
    pid_t child;
    posix_spawn_file_actions_t actions;
    snprintf(command, sizeof command, "cat >/dev/null; exit %d", status);
    char* argv[] = {"sh", "-c", command, NULL};
    EXPECT(posix_spawn_file_actions_init(&actions) == 0);
    EXPECT(posix_spawn_file_actions_adddup2(&actions, in, 0) == 0);
    EXPECT(posix_spawnp(&child, "sh", &actions, NULL, argv, environ) == 0);
    EXPECT(posix_spawn_file_actions_destroy(&actions) == 0);
    return child;
}

typedef int (*Waiting)(pid_t child);

static int by_waitpid(pid_t child) {
    int status = 0;
    EXPECT(waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}

static int by_wait(pid_t child) {
    int status = 0;
    EXPECT(wait(&status) == child);
    return WEXITSTATUS(status);
}

static int by_wait3(pid_t child) {
    int status = 0;
    struct rusage usage;
    EXPECT(wait3(&status, 0, &usage) == child);
    EXPECT(usage.ru_maxrss > 0);
    return WEXITSTATUS(status);
}

static int by_wait4(pid_t child) {
    int status = 0;
    struct rusage usage;
    EXPECT(wait4(child, &status, 0, &usage) == child);
    EXPECT(usage.ru_maxrss > 0);
    return WEXITSTATUS(status);
}

static int by_waitid(pid_t child) {
    siginfo_t info;
    EXPECT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == child);
    EXPECT(waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == child && info.si_code == CLD_EXITED);
    return info.si_status;
}

static int by_group(pid_t child) {
    int status = 0;
    EXPECT(waitpid(0, &status, WUNTRACED) == child);
    return WEXITSTATUS(status);
}

struct Round {
    Waiting wait;
    pid_t child;
    int status;
    volatile int begun;
};

static void* wait_in_thread(void* arg) {
    struct Round* round = arg;
    round->begun = 1;
    round->status = round->wait(round->child);
    return NULL;
}

/* The child's end comes only when this thread closes the pipe, after the other has begun to wait. */
static void test_waits(void) {
    const Waiting waits[] = {by_waitpid, by_wait, by_wait3, by_wait4, by_waitid, by_group};
    for (int i = 0; i < 6; ++i) {
        int ends[2];
        pthread_t thread;
        EXPECT(pipe2(ends, O_CLOEXEC) == 0);
        struct Round round = {waits[i], start_reader(ends[0], 10 + i), -1, 0};
        EXPECT(waitpid(round.child, NULL, WNOHANG) == 0);
        EXPECT(pthread_create(&thread, NULL, wait_in_thread, &round) == 0);
        while (!round.begun) sched_yield();
        EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
        EXPECT(pthread_join(thread, NULL) == 0);
        EXPECT(round.status == 10 + i);
        EXPECT(waitpid(round.child, NULL, 0) == -1 && errno == ECHILD);
    }
    EXPECT(wait(NULL) == -1 && errno == ECHILD);
    EXPECT(waitpid(-1, NULL, 0x40000) == -1 && errno == EINVAL);
    pass("waits");
}

static void* wait_for_many(void* arg) {
    int ends[2];
    int status = (int)(intptr_t)arg;
    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = start_reader(ends[0], status);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    EXPECT(by_waitpid(child) == status);
    return NULL;
}

static void* run_system(void* arg) {
    char command[64];
    int status = (int)(intptr_t)arg;
    snprintf(command, sizeof command, "exit %d", status);
    EXPECT(system(command) == status << 8);
    return NULL;
}

static void run_threads(void* (*body)(void*)) {
    pthread_t threads[kThreads];
    for (intptr_t i = 0; i < kThreads; ++i) EXPECT(pthread_create(&threads[i], NULL, body, (void*)i) == 0);
    for (int i = 0; i < kThreads; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
}

/* The command waits until this thread, too, has had its turn. */
static void* open_fifo_end(void* path) {
    int fd = open(path, O_WRONLY);
    EXPECT(fd >= 0 && close(fd) == 0);
    return NULL;
}

static void reap_all(int number) {
    int saved = errno;
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}

/* The thread in system() does not take SIGCHLD, so the handler does not reap the shell. */
static void test_system_blocks_sigchld(void) {
    struct sigaction reap = {.sa_handler = reap_all, .sa_flags = SA_RESTART}, before;
    EXPECT(sigaction(SIGCHLD, &reap, &before) == 0);
    for (int i = 0; i < 5; ++i) EXPECT(system("exit 6") == 6 << 8);
    EXPECT(sigaction(SIGCHLD, &before, NULL) == 0);
    sigset_t mask;
    EXPECT(sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && !sigismember(&mask, SIGCHLD));
    pass("SIGCHLD");
}

static void test_system(void) {
    struct sigaction before, after;
    EXPECT(sigaction(SIGINT, NULL, &before) == 0);
    EXPECT(system(NULL) != 0);
    run_threads(run_system);
    EXPECT(sigaction(SIGINT, NULL, &after) == 0 && after.sa_handler == before.sa_handler);
    EXPECT(WEXITSTATUS(system("no-such-command-here 2>/dev/null")) == 127);
    pass("system");
}

/* A child starts with this thread's mask: the signals are not blocked in it. */
static void* mask_of_child(void* arg) {
    (void)arg;
    int status = system("kill -TERM $$; exit 1");
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = system("kill -INT $$; exit 1");
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    return NULL;
}

static void* read_from_command(void* arg) {
    char command[64], line[64] = "", expected[64];
    int number = (int)(intptr_t)arg;
    snprintf(command, sizeof command, "echo line %d; exit %d", number, number);
    snprintf(expected, sizeof expected, "line %d\n", number);
    FILE* stream = popen(command, number % 2 ? "re" : "r");
    EXPECT(stream != NULL && fgets(line, sizeof line, stream) != NULL);
    EXPECT(strcmp(line, expected) == 0);
    EXPECT(fgets(line, sizeof line, stream) == NULL);
    EXPECT(pclose(stream) == number << 8);
    return NULL;
}

static void test_popen(void) {
    run_threads(read_from_command);
    FILE* first = popen("cat >/dev/null; exit 4", "w");
    FILE* second = popen("cat >/dev/null; exit 5", "w"); /* holds no copy of the first one's pipe */
    EXPECT(first != NULL && second != NULL);
    EXPECT(fputs("to nobody\n", first) >= 0);
    EXPECT(pclose(first) == 4 << 8);
    EXPECT(pclose(second) == 5 << 8);
    EXPECT(popen("true", "rw") == NULL && errno == EINVAL);
    EXPECT(popen("true", "x") == NULL && errno == EINVAL);
    pass("popen");
}

static void* accept_one(void* fd) {
    int connection = accept(*(int*)fd, NULL, NULL);
    EXPECT(connection >= 0 && close(connection) == 0);
    return NULL;
}

/* A thread waits in accept; the program that is started meanwhile finds the listener in blocking mode. */
static void test_flags_of_descriptors(void) {
    char command[128];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    EXPECT(listener >= 0 && bind(listener, (struct sockaddr*)&address, sizeof address) == 0);
    EXPECT(listen(listener, 5) == 0 && getsockname(listener, (struct sockaddr*)&address, &length) == 0);
    EXPECT(pthread_create(&thread, NULL, accept_one, &listener) == 0);
    for (int i = 0; i < 100; ++i) sched_yield();
    snprintf(command, sizeof command, "! grep -q 'flags:.*4...$' /proc/self/fdinfo/%d", listener);
    EXPECT(system(command) == 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(connect(client, (struct sockaddr*)&address, sizeof address) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(close(client) == 0 && close(listener) == 0);
    pass("flags");
}

static void* run_fifo_command(void* path) {
    char command[128];
    snprintf(command, sizeof command, "read line <%s; exit 0", (char*)path);
    system(command);
    return NULL;
}

/* Each end of the FIFO opens when the other does: the shell's, while its thread waits, and ours. */
static void test_system_parks(void) {
    char path[] = "/tmp/rondo_fifo_XXXXXX";
    pthread_t command, opener;
    EXPECT(mkdtemp(path) != NULL);
    char fifo[64];
    snprintf(fifo, sizeof fifo, "%s/fifo", path);
    char make[96];
    snprintf(make, sizeof make, "mkfifo %s", fifo);
    EXPECT(system(make) == 0);
    EXPECT(pthread_create(&command, NULL, run_fifo_command, fifo) == 0);
    EXPECT(pthread_create(&opener, NULL, open_fifo_end, fifo) == 0);
    EXPECT(pthread_join(command, NULL) == 0 && pthread_join(opener, NULL) == 0);
    EXPECT(unlink(fifo) == 0 && rmdir(path) == 0);
    pass("system parks");
}

static void* wait_for_ever(void* child) {
    waitpid(*(pid_t*)child, NULL, 0);
    return NULL;
}

static void* system_for_ever(void* arg) {
    (void)arg;
    system("exec sleep 1000");
    return NULL;
}

static void test_cancellation(void) {
    int ends[2];
    pthread_t thread;
    void* result;
    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    pid_t child = start_reader(ends[0], 1);
    EXPECT(pthread_create(&thread, NULL, wait_for_ever, &child) == 0);
    sched_yield();
    EXPECT(pthread_cancel(thread) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    EXPECT(close(ends[0]) == 0 && close(ends[1]) == 0);
    EXPECT(by_waitpid(child) == 1);
    EXPECT(pthread_create(&thread, NULL, system_for_ever, NULL) == 0);
    sched_yield();
    EXPECT(pthread_cancel(thread) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    EXPECT(wait(NULL) == -1 && errno == ECHILD); /* the shell was reaped */
    pass("cancellation");
}

static void test_exec(char* self) {
    char* argv[] = {self, "executed", NULL};
    pthread_t thread;
    EXPECT(execl("/nonexistent", "x", (char*)NULL) == -1 && errno == ENOENT);
    EXPECT(pthread_create(&thread, NULL, mask_of_child, NULL) == 0 && pthread_join(thread, NULL) == 0);
    pass("exec next");
    execv(self, argv);
    EXPECT(!"reached");
}

int main(int argc, char** argv) {
    if (argc > 1) {
        char* environment[] = {"KEPT=yes", NULL};
        pass("exec");
        execle("/bin/sh", "sh", "-c", "test \"$KEPT\" = yes && echo $0 $1", "zero", "one", (char*)NULL, environment);
    }
    test_system_blocks_sigchld(); /* as the only thread there has been */
    test_waits();
    run_threads(wait_for_many);
    pass("many waits");
    test_system();
    run_threads(mask_of_child);
    pass("masks");
    test_popen();
    test_flags_of_descriptors();
    test_system_parks();
    test_cancellation();
    test_exec(argv[0]);
    return 0;
}
