// SPDX-License-Identifier: Apache-2.0
//
// The floor of the web-server figures: one thread, one epoll set, files in memory, two system calls a request.
// A connection is registered once for both directions, edge-triggered, and never changed: the kernel reports room to
// write only after a send has met a full buffer, so asking for it costs nothing. A read that did not fill the buffer
// has emptied the socket, so the read that would say EAGAIN is left out; EPOLLRDHUP announces the end of the stream
// instead. Requests that came together are answered by one writev. An answer that does not fit is kept as an offset
// into the file's memory (its head is copied, for the date in it changes), the requests behind it as their own bytes,
// and nothing more is read until both are gone. There are no time limits, no log and no ranges: this is what a server
// with a purpose is measured against. io_uring was left out on purpose: bench/servers has a proactor. usage: http_epoll
// PORT FOLDER
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "http_answers.h"

enum { kBuffer = 4 * kMostHead, kEvents = 512, kBacklog = 4096, kTogether = 64 };

enum outcome { kGone, kFull, kReady };

struct connection {
    int fd;
    bool last;         // ends when `left` is sent
    const char* rest;  // of the answer that did not fit
    size_t left;
    char* copy;   // owns `rest` when a part of a head is in it
    char* input;  // bytes not yet answered: the beginning of a request, or requests behind `rest`
    size_t input_length;
};

// The answers to the requests in the buffer, and where in the buffer each request ends.
struct batch {
    struct iovec pieces[kTogether];
    struct request requests[kTogether];
    size_t ends[kTogether];
    size_t count;
};

static int epoll_fd;
static struct connection listener;
static bool accepting = true;
static char buffer[kBuffer];

_Noreturn static void fail(const char* what) {
    fprintf(stderr, "http_epoll: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool watch(struct connection* c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

static void* copy_of(const char* bytes, size_t length) {
    void* copy = malloc(length);
    if (copy == NULL) fail("malloc");
    return memcpy(copy, bytes, length);
}

static void accept_all(void) {
    while (accepting) {
        const int fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED)) return;
        accepting = fd >= 0 || errno == EINTR;
        if (fd < 0) continue;
        struct connection* c = calloc(1, sizeof *c);
        if (c == NULL) fail("calloc");
        c->fd = fd;
        if (!watch(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) fail("epoll_ctl");
    }
}

static void drop(struct connection* c) {
    close(c->fd);
    free(c->copy);
    free(c->input);
    free(c);
    if (accepting) return;
    accepting = true;
    accept_all();
}

static void gather(struct batch* batch, size_t length) {
    size_t at = 0;
    batch->count = 0;
    while (batch->count < kTogether && request_read(buffer + at, length - at, &batch->requests[batch->count])) {
        const struct request* request = &batch->requests[batch->count];
        batch->pieces[batch->count].iov_base = request->answer->bytes;
        batch->pieces[batch->count].iov_len = request->head ? request->answer->head_length : request->answer->length;
        at += request->length;
        batch->ends[batch->count++] = at;
        if (request->last) return;
    }
}

static ssize_t send_batch(int fd, const struct batch* batch) {
    if (batch->count > 1) return writev(fd, batch->pieces, (int)batch->count);
    return send(fd, batch->pieces[0].iov_base, batch->pieces[0].iov_len, MSG_NOSIGNAL);
}

// Keeps what a short write left of the answer it stopped in; returns how many answers are done or kept.
static size_t keep_rest(struct connection* c, const struct batch* batch, size_t sent) {
    size_t i = 0;
    while (i < batch->count && sent >= batch->pieces[i].iov_len) sent -= batch->pieces[i++].iov_len;
    if (i == batch->count) return i;
    c->rest = (const char*)batch->pieces[i].iov_base + sent;
    c->left = batch->pieces[i].iov_len - sent;
    c->last = batch->requests[i].last;
    if (sent < batch->requests[i].answer->head_length) c->rest = c->copy = copy_of(c->rest, c->left);
    return i + 1;
}

// Answers the requests in the buffer and keeps what is left of it.
static enum outcome answer(struct connection* c, size_t length) {
    size_t at = 0;
    struct batch batch;
    while (c->left == 0 && length > 0) {
        gather(&batch, length);
        if (batch.count == 0) break;
        ssize_t sent = send_batch(c->fd, &batch);
        if (sent < 0 && errno != EAGAIN) return kGone;
        const size_t done = keep_rest(c, &batch, sent < 0 ? 0 : (size_t)sent);
        at = batch.ends[done - 1];
        if (batch.requests[done - 1].last) {
            c->last = true;
            return c->left > 0 ? kFull : kGone;
        }
        length -= at;
        if (length > 0) memmove(buffer, buffer + at, length);
    }
    if (length > 0) c->input = copy_of(buffer, c->input_length = length);
    return c->left > 0 ? kFull : kReady;
}

// Sends what is kept of an answer.
static enum outcome flush(struct connection* c) {
    while (c->left > 0) {
        const ssize_t n = send(c->fd, c->rest, c->left, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN ? kFull : kGone;
        c->rest += n;
        c->left -= (size_t)n;
    }
    free(c->copy);
    c->copy = NULL;
    return c->last ? kGone : kReady;
}

// Puts the kept input back at the front of the buffer.
static size_t restore(struct connection* c) {
    const size_t length = c->input_length;
    if (length == 0) return 0;
    memcpy(buffer, c->input, length);
    free(c->input);
    c->input = NULL;
    c->input_length = 0;
    return length;
}

// Reads and answers until the socket is empty or full. `ends`: its end is near, so a short read does not say that it is
// empty.
static enum outcome converse(struct connection* c, bool ends) {
    for (;;) {
        const size_t kept = restore(c);
        const ssize_t n = recv(c->fd, buffer + kept, kBuffer - kept, 0);
        if (n < 0 && errno == EAGAIN) {
            if (kept > 0) c->input = copy_of(buffer, c->input_length = kept);
            return kReady;
        }
        if (n <= 0) return kGone;
        const enum outcome outcome = answer(c, kept + (size_t)n);
        if (outcome != kReady || (kept + (size_t)n < kBuffer && !ends)) return outcome;
    }
}

static void serve(struct connection* c, uint32_t events) {
    enum outcome outcome = kReady;
    bool ends = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    while (c->left > 0 && outcome == kReady) {
        outcome = flush(c);
        ends = true;
        if (outcome == kReady) outcome = answer(c, restore(c));
    }
    if (outcome == kReady && (ends || (events & EPOLLIN) != 0)) outcome = converse(c, ends);
    if (outcome == kGone) drop(c);
}

static void listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int on = 1;
    listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (bind(listener.fd, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
    if (listen(listener.fd, kBacklog) != 0) fail("listen");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || !watch(&listener, EPOLLIN | EPOLLET)) fail("epoll");
}

int main(int argc, char** argv) {
    const int port = argc == 3 ? atoi(argv[1]) : 0;
    if (port <= 0 || port > 65535) {
        fprintf(stderr, "usage: http_epoll PORT FOLDER\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    answers_load(argv[2]);
    listen_on(port);
    for (;;) {
        struct epoll_event events[kEvents];
        const int count = epoll_wait(epoll_fd, events, kEvents, -1);
        answers_refresh();
        for (int i = 0; i < count; ++i) {
            struct connection* c = events[i].data.ptr;
            if (c == &listener) {
                accept_all();
            } else {
                serve(c, events[i].events);
            }
        }
    }
}
