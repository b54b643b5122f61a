/* SPDX-License-Identifier: Apache-2.0
 *
 * File locks, message queues and System V's messages and semaphores between two threads: in each part one thread waits
 * for what the other does only afterwards, so on one worker every wait has to park. Record locks are the process's, so
 * there the other side is a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>

#include "expect.h"

enum { kRounds = 200, kBytes = 32, kContenders = 200, kWaiters = 200 };

static char path[] = "/tmp/rondo_ipc_XXXXXX";
static int started;

static int open_again(void) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    EXPECT(fd >= 0);
    return fd;
}

/* Runs the body in a thread, and returns once it has begun and others have had many turns. */
static pthread_t begin(void* (*body)(void*), void* arg) {
    pthread_t thread;
    started = 0;
    EXPECT(pthread_create(&thread, NULL, body, arg) == 0);
    while (!__atomic_load_n(&started, __ATOMIC_ACQUIRE)) sched_yield();
    for (int i = 0; i < 20; ++i) sched_yield();
    return thread;
}

static void has_begun(void) { __atomic_store_n(&started, 1, __ATOMIC_RELEASE); }

static void* lock_and_unlock(void* arg) {
    int fd = open_again();
    (void)arg;
    has_begun();
    EXPECT(flock(fd, LOCK_EX) == 0);
    EXPECT(flock(fd, LOCK_UN) == 0);
    EXPECT(close(fd) == 0);
    return NULL;
}

static void test_flock(void) {
    int fd = open_again(), other = open_again();
    EXPECT(flock(fd, LOCK_EX) == 0);
    EXPECT(flock(other, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
    pthread_t thread = begin(lock_and_unlock, NULL);
    EXPECT(flock(fd, LOCK_UN) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(close(fd) == 0 && close(other) == 0);
    pass("flock");
}

/* A child that holds a record lock on the whole file until its pipe ends. */
static pid_t start_holder(int* release) {
    int ends[2], ready[2];
    char byte;
    EXPECT(pipe(ends) == 0 && pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open_again();
        close(ends[1]);
        EXPECT(lockf(fd, F_LOCK, 0) == 0);
        EXPECT(write(ready[1], "r", 1) == 1);
        EXPECT(read(ends[0], &byte, 1) == 0);
        _exit(0);
    }
    EXPECT(child > 0 && close(ends[0]) == 0);
    EXPECT(read(ready[0], &byte, 1) == 1);
    EXPECT(close(ready[0]) == 0 && close(ready[1]) == 0);
    *release = ends[1];
    return child;
}

static void* contend(void* arg) {
    int fd = *(int*)arg;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    has_begun();
    EXPECT(fcntl(fd, F_SETLKW, &lock) == 0);
    EXPECT(lockf(fd, F_LOCK, 0) == 0);
    return NULL;
}

static void test_record_locks(void) {
    int release, status, fd = open_again();
    pthread_t threads[kContenders];
    pid_t holder = start_holder(&release);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    EXPECT(fcntl(fd, F_SETLK, &lock) == -1 && (errno == EAGAIN || errno == EACCES));
    EXPECT(lockf(fd, F_TEST, 0) == -1 && (errno == EAGAIN || errno == EACCES));
    for (int i = 0; i < kContenders; ++i) threads[i] = begin(contend, &fd);
    EXPECT(close(release) == 0);
    for (int i = 0; i < kContenders; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(waitpid(holder, &status, 0) == holder && status == 0);
    EXPECT(lockf(fd, F_ULOCK, 0) == 0 && close(fd) == 0);
    pass("record locks");
}

static int finished;

static void* take_turn(void* arg) {
    int fd = open_again();
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)arg;
    __atomic_fetch_add(&started, 1, __ATOMIC_ACQ_REL);
    EXPECT(fcntl(fd, F_OFD_SETLKW, &lock) == 0);
    ++finished;
    lock.l_type = F_UNLCK;
    EXPECT(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    EXPECT(close(fd) == 0);
    return NULL;
}

/* The holder needs the file system itself before it lets go. */
static void test_many_waiters(void) {
    char text[256];
    int fd = open_again();
    pthread_t threads[kWaiters];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    EXPECT(fcntl(fd, F_OFD_SETLKW, &lock) == 0);
    started = 0;
    for (int i = 0; i < kWaiters; ++i) EXPECT(pthread_create(&threads[i], NULL, take_turn, NULL) == 0);
    while (__atomic_load_n(&started, __ATOMIC_ACQUIRE) < kWaiters) sched_yield();
    for (int i = 0; i < 20; ++i) sched_yield();
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    EXPECT(file >= 0 && read(file, text, sizeof text) == (ssize_t)sizeof text && close(file) == 0);
    EXPECT(__atomic_load_n(&finished, __ATOMIC_ACQUIRE) == 0);
    lock.l_type = F_UNLCK;
    EXPECT(fcntl(fd, F_OFD_SETLK, &lock) == 0);
    for (int i = 0; i < kWaiters; ++i) EXPECT(pthread_join(threads[i], NULL) == 0);
    EXPECT(finished == kWaiters && close(fd) == 0);
    pass("many waiters");
}

static void* receive_messages(void* arg) {
    mqd_t queue = *(mqd_t*)arg;
    char message[kBytes];
    unsigned priority;
    has_begun();
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(mq_receive(queue, message, sizeof message, &priority) == kBytes);
        EXPECT(message[0] == (char)i && priority == 7);
    }
    return NULL;
}

static void test_message_queue(void) {
    char name[64], message[kBytes] = "";
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = kBytes};
    struct timespec past = {1, 0}, wrong = {1, -1};
    snprintf(name, sizeof name, "/rondo-%d", (int)getpid());
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (queue == (mqd_t)-1 && errno == ENOSYS) return;
    EXPECT(queue != (mqd_t)-1);
    EXPECT(mq_timedreceive(queue, message, sizeof message, NULL, &past) == -1 && errno == ETIMEDOUT);
    EXPECT(mq_timedreceive(queue, message, sizeof message, NULL, &wrong) == -1 && errno == EINVAL);
    pthread_t thread = begin(receive_messages, &queue);
    for (int i = 0; i < kRounds; ++i) {
        message[0] = (char)i;
        EXPECT(mq_send(queue, message, sizeof message, 7) == 0);
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(mq_send(queue, message, kBytes + 1, 0) == -1 && errno == EMSGSIZE);
    attr.mq_flags = O_NONBLOCK;
    EXPECT(mq_setattr(queue, &attr, NULL) == 0);
    EXPECT(mq_receive(queue, message, sizeof message, NULL) == -1 && errno == EAGAIN);
    EXPECT(mq_close(queue) == 0 && mq_unlink(name) == 0);
}

struct Message {
    long type;
    char text[kBytes];
};

static void* receive_sysv(void* arg) {
    int queue = *(int*)arg;
    struct Message message;
    has_begun();
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(msgrcv(queue, &message, sizeof message.text, 5, 0) == kBytes);
        EXPECT(message.type == 5 && message.text[0] == (char)i);
    }
    return NULL;
}

static void test_sysv_messages(void) {
    struct Message message = {5, ""};
    int queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    if (queue < 0 && errno == ENOSYS) return;
    EXPECT(queue >= 0);
    EXPECT(msgrcv(queue, &message, kBytes, 0, IPC_NOWAIT) == -1 && errno == ENOMSG);
    pthread_t thread = begin(receive_sysv, &queue);
    for (int i = 0; i < kRounds; ++i) {
        message.type = 5;
        message.text[0] = (char)i;
        EXPECT(msgsnd(queue, &message, kBytes, 0) == 0);
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    thread = begin(receive_sysv, &queue);
    EXPECT(pthread_cancel(thread) == 0);
    void* result;
    EXPECT(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    EXPECT(msgctl(queue, IPC_RMID, NULL) == 0);
}

static void* take_units(void* arg) {
    struct sembuf take = {0, -2, 0}, give = {1, 1, 0};
    has_begun();
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(semop(*(int*)arg, &take, 1) == 0);
        EXPECT(semop(*(int*)arg, &give, 1) == 0);
    }
    return NULL;
}

static void test_sysv_semaphores(void) {
    struct sembuf take = {1, -1, 0}, give = {0, 2, 0}, at_once = {0, -1, IPC_NOWAIT};
    struct timespec soon = {0, 20000000};
    int set = semget(IPC_PRIVATE, 2, 0600 | IPC_CREAT);
    if (set < 0 && errno == ENOSYS) return;
    EXPECT(set >= 0);
    EXPECT(semop(set, &at_once, 1) == -1 && errno == EAGAIN);
    EXPECT(semtimedop(set, &take, 1, &soon) == -1 && errno == EAGAIN);
    pthread_t thread = begin(take_units, &set);
    for (int i = 0; i < kRounds; ++i) {
        EXPECT(semop(set, &give, 1) == 0);
        EXPECT(semop(set, &take, 1) == 0);
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(semctl(set, 0, IPC_RMID) == 0);
}

int main(void) {
    int fd = mkstemp(path);
    EXPECT(fd >= 0);
    test_flock();
    test_record_locks();
    test_many_waiters();
    test_message_queue();
    pass("message queue");
    test_sysv_messages();
    pass("System V messages");
    test_sysv_semaphores();
    pass("System V semaphores");
    EXPECT(close(fd) == 0 && unlink(path) == 0);
    return 0;
}
