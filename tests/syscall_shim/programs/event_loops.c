/* SPDX-License-Identifier: Apache-2.0
 *
 * Event loops inside threads: the same echo service over 20 socket pairs, driven by poll, ppoll, select, pselect,
 * epoll_wait, epoll_pwait and epoll_pwait2, some of them also by number. A client thread talks to one pair after the
 * other and waits for each answer, so a loop that waits in the kernel would hold up the client wherever both share a
 * kernel thread.
 */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "expect.h"

enum { kPairs = 20, kRounds = 50 };

typedef struct Service {
    int inside[kPairs];
    int outside[kPairs];
    int set;
} Service;

/* Fills `ready` with the descriptors that can be read; at least one. */
typedef int (*WaitCall)(Service* service, int* ready);

static int told_by_poll(struct pollfd* watched, int* ready) {
    int count = 0;
    for (int i = 0; i < kPairs; ++i) {
        if (watched[i].revents != 0) ready[count++] = watched[i].fd;
    }
    return count;
}

static void watch_all(const Service* service, struct pollfd* watched) {
    for (int i = 0; i < kPairs; ++i) watched[i] = (struct pollfd){.fd = service->inside[i], .events = POLLIN};
}

static int by_poll(Service* service, int* ready) {
    struct pollfd watched[kPairs];
    watch_all(service, watched);
    EXPECT(poll(watched, kPairs, -1) > 0);
    return told_by_poll(watched, ready);
}

static int by_ppoll(Service* service, int* ready) {
    struct pollfd watched[kPairs];
    const struct timespec limit = {60, 0};
    watch_all(service, watched);
    EXPECT(ppoll(watched, kPairs, &limit, NULL) > 0);
    return told_by_poll(watched, ready);
}

static int watch_in_set(const Service* service, fd_set* set) {
    int most = 0;
    FD_ZERO(set);
    for (int i = 0; i < kPairs; ++i) {
        FD_SET(service->inside[i], set);
        if (service->inside[i] > most) most = service->inside[i];
    }
    return most + 1;
}

static int told_by_select(const Service* service, const fd_set* set, int* ready) {
    int count = 0;
    for (int i = 0; i < kPairs; ++i) {
        if (FD_ISSET(service->inside[i], set)) ready[count++] = service->inside[i];
    }
    return count;
}

static int by_select(Service* service, int* ready) {
    fd_set set;
    struct timeval limit = {60, 0};
    int most = watch_in_set(service, &set);
    EXPECT(select(most, &set, NULL, NULL, &limit) > 0);
    EXPECT(limit.tv_sec <= 60);
    return told_by_select(service, &set, ready);
}

static int by_pselect(Service* service, int* ready) {
    fd_set set;
    int most = watch_in_set(service, &set);
    EXPECT(pselect(most, &set, NULL, NULL, NULL, NULL) > 0);
    return told_by_select(service, &set, ready);
}

static int told_by_epoll(const struct epoll_event* events, int count, int* ready) {
    EXPECT(count > 0);
    for (int i = 0; i < count; ++i) ready[i] = events[i].data.fd;
    return count;
}

static int by_epoll(Service* service, int* ready) {
    struct epoll_event events[kPairs];
    return told_by_epoll(events, epoll_wait(service->set, events, kPairs, -1), ready);
}

static int by_epoll_pwait(Service* service, int* ready) {
    struct epoll_event events[kPairs];
    return told_by_epoll(events, epoll_pwait(service->set, events, 1, 60000, NULL), ready);
}

static int by_epoll_pwait2(Service* service, int* ready) {
    struct epoll_event events[kPairs];
    const struct timespec limit = {60, 0};
    return told_by_epoll(events, epoll_pwait2(service->set, events, kPairs, &limit, NULL), ready);
}

static int by_ppoll_number(Service* service, int* ready) {
    struct pollfd watched[kPairs];
    watch_all(service, watched);
    EXPECT(syscall(SYS_ppoll, watched, kPairs, NULL, NULL, 8) > 0);
    return told_by_poll(watched, ready);
}

static int by_pselect_number(Service* service, int* ready) {
    fd_set set;
    const struct {
        const void* mask;
        size_t bytes;
    } no_mask = {NULL, 8};
    int most = watch_in_set(service, &set);
    EXPECT(syscall(SYS_pselect6, most, &set, NULL, NULL, NULL, &no_mask) > 0);
    return told_by_select(service, &set, ready);
}

static int by_epoll_number(Service* service, int* ready) {
    struct epoll_event events[kPairs];
    return told_by_epoll(events, (int)syscall(SYS_epoll_pwait, service->set, events, kPairs, -1, NULL, 8), ready);
}

static void* client(void* arg) {
    Service* service = arg;
    for (int i = 0; i < kRounds * kPairs; ++i) {
        char sent = (char)i, received = 0;
        int fd = service->outside[i % kPairs];
        EXPECT(write(fd, &sent, 1) == 1);
        EXPECT(read(fd, &received, 1) == 1);
        EXPECT(received == sent);
    }
    return NULL;
}

static void set_up(Service* service) {
    service->set = epoll_create1(EPOLL_CLOEXEC);
    EXPECT(service->set >= 0);
    for (int i = 0; i < kPairs; ++i) {
        int pair[2];
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        service->inside[i] = pair[0];
        service->outside[i] = pair[1];
        struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[0]};
        EXPECT(epoll_ctl(service->set, EPOLL_CTL_ADD, pair[0], &event) == 0);
    }
}

static void answer(int fd) {
    char byte;
    EXPECT(read(fd, &byte, 1) == 1);
    EXPECT(write(fd, &byte, 1) == 1);
}

static void serve(const char* name, WaitCall wait_call) {
    Service service;
    pthread_t thread;
    set_up(&service);
    EXPECT(pthread_create(&thread, NULL, client, &service) == 0);
    for (int served = 0; served < kRounds * kPairs;) {
        int ready[kPairs];
        int count = wait_call(&service, ready);
        for (int i = 0; i < count; ++i) answer(ready[i]);
        served += count;
    }
    EXPECT(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < kPairs; ++i) {
        EXPECT(close(service.inside[i]) == 0);
        EXPECT(close(service.outside[i]) == 0);
    }
    EXPECT(close(service.set) == 0);
    pass(name);
}

int main(void) {
    serve("poll", by_poll);
    serve("ppoll", by_ppoll);
    serve("select", by_select);
    serve("pselect", by_pselect);
    serve("epoll_wait", by_epoll);
    serve("epoll_pwait", by_epoll_pwait);
    serve("epoll_pwait2", by_epoll_pwait2);
    serve("ppoll by its number", by_ppoll_number);
    serve("pselect by its number", by_pselect_number);
    serve("epoll_pwait by its number", by_epoll_number);
    return 0;
}
