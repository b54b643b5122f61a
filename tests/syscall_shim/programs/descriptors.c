/* SPDX-License-Identifier: Apache-2.0
 *
 * The descriptor calls by their libc names: pipes, socket pairs, TCP, scattered and message transfers, duplication,
 * fcntl and ioctl, poll, non-blocking descriptors, receive timeouts, and the wake of a thread parked on a descriptor
 * that is shut down. Blocking pairs run in two threads, so that one must park for the other.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "expect.h"

enum { kRounds = 500, kLarge = 1 << 20 };

static char large_sent[kLarge], large_received[kLarge];

static pthread_t start(void* (*body)(void*), void* arg) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

static void* echo(void* arg) {
    char buffer[4096];
    int fd = *(int*)arg;
    ssize_t length;
    while ((length = read(fd, buffer, sizeof(buffer))) > 0) {
        for (ssize_t sent = 0; sent < length;) {
            ssize_t now = write(fd, buffer + sent, (size_t)(length - sent));
            EXPECT(now > 0);
            sent += now;
        }
    }
    EXPECT(length == 0);
    EXPECT(close(fd) == 0);
    return NULL;
}

static void exchange(int fd) {
    for (int i = 0; i < kRounds; ++i) {
        char text[16] = {0}, answer[16];
        text[0] = (char)i;
        EXPECT(send(fd, text, sizeof(text), 0) == sizeof(text));
        EXPECT(recv(fd, answer, sizeof(answer), MSG_WAITALL) == sizeof(answer));
        EXPECT(memcmp(text, answer, sizeof(text)) == 0);
    }
}

static void test_socketpair(void) {
    int pair[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_t thread = start(echo, &pair[1]);
    exchange(pair[0]);
    EXPECT(close(pair[0]) == 0 && pthread_join(thread, NULL) == 0);
    pass("socketpair");
}

static void* serve_one(void* arg) {
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    static int fd;
    fd = accept4(*(int*)arg, (struct sockaddr*)&peer, &length, SOCK_CLOEXEC);
    EXPECT(fd >= 0 && peer.sin_family == AF_INET);
    EXPECT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    return echo(&fd);
}

static void test_tcp(void) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1, pending = -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    EXPECT(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0);
    EXPECT(bind(listener, (struct sockaddr*)&address, length) == 0 && listen(listener, 5) == 0);
    EXPECT(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
    pthread_t thread = start(serve_one, &listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect(fd, (struct sockaddr*)&address, length) == 0);
    exchange(fd);
    EXPECT(ioctl(fd, FIONREAD, &pending) == 0 && pending == 0);
    EXPECT(shutdown(fd, SHUT_WR) == 0);
    EXPECT(recv(fd, &yes, sizeof(yes), 0) == 0);
    EXPECT(pthread_join(thread, NULL) == 0 && close(fd) == 0 && close(listener) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect(fd, (struct sockaddr*)&address, length) == -1 && errno == ECONNREFUSED);
    EXPECT(close(fd) == 0);
    pass("tcp");
}

static void* send_large(void* arg) {
    int fd = *(int*)arg;
    struct iovec parts[2] = {{large_sent, kLarge / 2}, {large_sent + kLarge / 2, kLarge / 2}};
    EXPECT(writev(fd, parts, 2) == kLarge);
    EXPECT(close(fd) == 0);
    return NULL;
}

static void test_pipe(void) {
    int ends[2], copy;
    char byte;
    for (int i = 0; i < kLarge; ++i) large_sent[i] = (char)(i * 31 >> 3);
    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    EXPECT((copy = dup(ends[0])) >= 0 && close(ends[0]) == 0);
    pthread_t thread = start(send_large, &ends[1]);
    size_t received = 0;
    while (received < kLarge) {
        struct iovec parts[2] = {{large_received + received, 1},
                                 {large_received + received + 1, kLarge - received - 1}};
        ssize_t now = readv(copy, parts, 2);
        EXPECT(now > 0);
        received += (size_t)now;
    }
    EXPECT(read(copy, &byte, 1) == 0);
    EXPECT(memcmp(large_sent, large_received, kLarge) == 0);
    EXPECT(pthread_join(thread, NULL) == 0 && close(copy) == 0);
    EXPECT(read(copy, &byte, 1) == -1 && errno == EBADF);
    pass("pipe");
}

static void* send_message(void* arg) {
    int fd = *(int*)arg;
    char first[] = "ab", second[] = "cde";
    struct iovec parts[2] = {{first, 2}, {second, 3}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    EXPECT(sendmsg(fd, &message, 0) == 5);
    EXPECT(sendto(fd, "fgh", 3, 0, NULL, 0) == 3);
    return NULL;
}

static void test_messages(void) {
    int pair[2];
    char buffer[16];
    struct iovec part = {buffer, sizeof(buffer)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    pthread_t thread = start(send_message, &pair[0]);
    EXPECT(recvmsg(pair[1], &message, 0) == 5 && memcmp(buffer, "abcde", 5) == 0);
    EXPECT(recvfrom(pair[1], buffer, sizeof(buffer), 0, NULL, NULL) == 3 && memcmp(buffer, "fgh", 3) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    struct timeval moment = {0, 20000};
    EXPECT(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment)) == 0);
    EXPECT(recv(pair[1], buffer, sizeof(buffer), 0) == -1 && errno == EAGAIN);
    EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0);
    pass("messages");
}

static void* write_byte(void* arg) {
    EXPECT(write(*(int*)arg, "x", 1) == 1);
    return NULL;
}

static void test_poll(void) {
    int ends[2];
    char byte;
    EXPECT(pipe(ends) == 0);
    struct pollfd fds[2] = {{ends[0], POLLIN, 0}, {-1, POLLIN, 0}};
    EXPECT(poll(fds, 2, 0) == 0 && poll(fds, 2, 10) == 0);
    pthread_t thread = start(write_byte, &ends[1]);
    EXPECT(poll(fds, 2, 30000) == 1 && fds[0].revents == POLLIN);
    EXPECT(read(ends[0], &byte, 1) == 1 && pthread_join(thread, NULL) == 0);
    EXPECT(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && (fcntl(ends[0], F_GETFL) & O_NONBLOCK) != 0);
    EXPECT(read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
    int copy = fcntl(ends[1], F_DUPFD_CLOEXEC, 200);
    EXPECT(copy >= 200 && dup2(copy, 250) == 250 && dup3(copy, 251, O_CLOEXEC) == 251);
    EXPECT(close(copy) == 0 && close(250) == 0 && close(251) == 0 && close(ends[1]) == 0);
    EXPECT(read(ends[0], &byte, 1) == 0 && close(ends[0]) == 0);
    pass("poll");
}

static void* receive_end(void* arg) {
    char byte;
    EXPECT(recv(*(int*)arg, &byte, 1, 0) == 0);
    return NULL;
}

static void test_shutdown_wakes(void) {
    int pair[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_t thread = start(receive_end, &pair[0]);
    EXPECT(usleep(5000) == 0);
    EXPECT(shutdown(pair[0], SHUT_RDWR) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(close(pair[0]) == 0 && close(pair[1]) == 0);
    pass("shutdown wakes");
}

/* The habit of daemons. Threads go on making, waiting on and closing descriptors afterwards; the first is the lowest.
 */
static void close_everything(void) {
    int ends[2];
    for (int fd = 3; fd < 1024; ++fd) close(fd);
    EXPECT(pipe(ends) == 0 && ends[0] == 3 && ends[1] == 4);
    pthread_t echoing = start(echo, &ends[0]);
    EXPECT(close(ends[1]) == 0);
    EXPECT(pthread_join(echoing, NULL) == 0);
    close_range(3, ~0U, 0);
    EXPECT(fcntl(3, F_GETFD) < 0 && errno == EBADF);
    EXPECT(pipe(ends) == 0 && ends[0] == 3);
    closefrom(4);
    EXPECT(fcntl(ends[0], F_GETFD) == 0 && write(ends[1], "x", 1) < 0 && errno == EBADF);
    echoing = start(echo, &ends[0]); /* the end of the pipe, for nobody can write to it */
    EXPECT(pthread_join(echoing, NULL) == 0);
    closefrom(3);
    pass("closing everything");
}

int main(void) {
    test_socketpair();
    test_tcp();
    test_pipe();
    test_messages();
    test_poll();
    test_shutdown_wakes();
    close_everything();
    return 0;
}
