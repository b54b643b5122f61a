/* SPDX-License-Identifier: Apache-2.0
 *
 * A handler that calls sem_post and write while threads exchange messages: of signals that a child sends at a given
 * rate none is lost. Real-time signals are counted by their sender; the thread that reads what the handlers write
 * blocks them, for a handler on it could wait for itself. Usage: signal_load NUMBER RATE_PER_SECOND SA_FLAGS
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

enum { kPairs = 8, kMessage = 64 };

static sem_t posted;
static int written[2];
static int handled;
static int stop;
static long wanted;

static void handle(int number, siginfo_t* info, void* context) {
    int kept = errno;
    char byte = 'x';
    (void)number, (void)info, (void)context;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
    EXPECT(sem_post(&posted) == 0);
    ssize_t sent = -1;
    while (sent < 0) {
        sent = write(written[1], &byte, 1);
        EXPECT(sent == 1 || errno == EINTR);
    }
    errno = kept;
}

static void* read_bytes(void* arg) {
    char bytes[512];
    ssize_t got;
    while ((got = read(written[0], bytes, sizeof(bytes))) > 0) *(long*)arg += got;
    return NULL;
}

static void* take_posts(void* arg) {
    for (long taken = 0; taken < wanted;) {
        if (sem_wait(&posted) == 0) ++taken;
    }
    return arg;
}

static long again(long result) { return result < 0 && errno == EINTR ? 0 : result; }

/* Moves a whole message; 0 at the end of the stream. */
static int move(int fd, char* bytes, ssize_t (*call)(int, void*, size_t)) {
    for (size_t done = 0; done < kMessage;) {
        errno = 0;
        ssize_t moved = call(fd, bytes + done, kMessage - done);
        if (moved == 0) return 0;
        EXPECT(moved > 0 || errno == EINTR);
        done += (size_t)again(moved);
    }
    return 1;
}

static ssize_t write_to(int fd, void* bytes, size_t length) { return write(fd, bytes, length); }

static void* echo(void* arg) {
    char bytes[kMessage];
    while (move(*(int*)arg, bytes, read)) EXPECT(move(*(int*)arg, bytes, write_to));
    return NULL;
}

static void* ask(void* arg) {
    char bytes[kMessage] = "message";
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        EXPECT(move(*(int*)arg, bytes, write_to) && move(*(int*)arg, bytes, read));
    }
    EXPECT(close(*(int*)arg) == 0);
    return NULL;
}

static void send_all(pid_t to, long rate, int go) {
    char byte;
    struct timespec begin;
    EXPECT(read(go, &byte, 1) == 1);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < wanted; ++i) {
        union sigval value = {.sival_int = (int)i};
        while (sigqueue(to, SIGRTMIN + 1, value) != 0) {
            EXPECT(errno == EAGAIN);
            sched_yield();
        }
        long due = begin.tv_nsec + (i + 1) % rate * (1000000000L / rate);
        struct timespec next = {begin.tv_sec + (i + 1) / rate + due / 1000000000L, due % 1000000000L};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    _exit(0);
}

int main(int argc, char** argv) {
    EXPECT(argc == 4);
    wanted = atol(argv[1]);
    int go[2], status, pairs[kPairs][2];
    pthread_t reader, poster, echoes[kPairs], askers[kPairs];
    long bytes = 0;
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | atoi(argv[3])};
    EXPECT(sem_init(&posted, 0, 0) == 0 && pipe(written) == 0 && pipe(go) == 0);
    EXPECT(sigaction(SIGRTMIN + 1, &action, NULL) == 0);
    pid_t parent = getpid(), child = fork();
    if (child == 0) send_all(parent, atol(argv[2]), go[0]);
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    EXPECT(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    EXPECT(pthread_create(&reader, NULL, read_bytes, &bytes) == 0);
    EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    EXPECT(pthread_create(&poster, NULL, take_posts, NULL) == 0);
    for (int i = 0; i < kPairs; ++i) {
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]) == 0);
        EXPECT(pthread_create(&echoes[i], NULL, echo, &pairs[i][0]) == 0);
        EXPECT(pthread_create(&askers[i], NULL, ask, &pairs[i][1]) == 0);
    }
    EXPECT(write(go[1], "g", 1) == 1);
    EXPECT(pthread_join(poster, NULL) == 0);
    while (waitpid(child, &status, 0) < 0) EXPECT(errno == EINTR);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < kPairs; ++i) EXPECT(pthread_join(askers[i], NULL) == 0 && pthread_join(echoes[i], NULL) == 0);
    EXPECT(close(written[1]) == 0 && pthread_join(reader, NULL) == 0);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0 && handled == wanted && bytes == wanted);
    pass("signals under load");
    return 0;
}
