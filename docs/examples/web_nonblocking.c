// SPDX-License-Identifier: Apache-2.0
//
// web_nonblocking HOST PORT MOST PATH...: a web client that fetches several pages at once, at most MOST, without any
// thread: non-blocking connect, and select to find out which connection can go on.
//
// Teaches: what threads spare us. Each connection's place in its work, which a thread keeps on its stack, must be kept
// by hand: a state, and how much is written. A connect under way is done when the socket is writable, and SO_ERROR
// tells how it ended.
//
//     cc web_nonblocking.c net.c -o web_nonblocking && ./web_nonblocking localhost 8000 3 / /a /b /c

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

enum { kMostPages = 1000, kHead = 32, kRequest = 1024 };

enum state { kWaiting, kConnecting, kWriting, kReading, kDone };

struct page {
    const char* path;
    enum state state;
    int fd;
    char request[kRequest];
    size_t length;
    size_t written;
    char head[kHead];    // the first bytes of the answer, for the status
    const char* window;  // how much of "\r\n\r\n" has been seen
    long received;
    long body;
};

static struct page pages[kMostPages];
static const char kHeaderEnd[] = "\r\n\r\n";

static void finish(struct page* page, int error) {
    int status = 0;
    if (error != 0) {
        printf("%s: %s\n", page->path, strerror(error));
    } else if (sscanf(page->head, "HTTP/%*s %d", &status) == 1 && *page->window == 0) {
        printf("%s: status %d, %ld bytes\n", page->path, status, page->body);
    } else {
        printf("%s: no answer in HTTP\n", page->path);
    }
    close(page->fd);
    page->state = kDone;
}

static void start(struct page* page, const char* host, const struct addrinfo* address) {
    page->window = kHeaderEnd;
    page->length = (size_t)snprintf(page->request, kRequest, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", page->path, host);
    page->fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (page->fd < 0 || page->fd >= FD_SETSIZE || fcntl(page->fd, F_SETFL, O_NONBLOCK) < 0) {
        fatal("socket");
    }
    if (page->length >= kRequest) {
        finish(page, ENAMETOOLONG);
    } else if (connect(page->fd, address->ai_addr, address->ai_addrlen) == 0) {
        page->state = kWriting;
    } else if (errno == EINPROGRESS) {
        page->state = kConnecting;
    } else {
        finish(page, errno);
    }
}

// The header ends where all of "\r\n\r\n" has come; what follows is the body.
static void take(struct page* page, const char* bytes, long length) {
    for (long i = 0; i < length; ++i) {
        if (page->received < kHead - 1) {
            page->head[page->received] = bytes[i];
        }
        page->received++;
        if (*page->window == 0) {
            page->body++;
        } else if (bytes[i] == *page->window) {
            page->window++;
        } else {
            page->window = kHeaderEnd + (bytes[i] == '\r');
        }
    }
}

static void go_on(struct page* page) {
    char buffer[4096];
    ssize_t moved = 0;
    if (page->state == kConnecting) {
        int error = 0;
        socklen_t size = sizeof error;
        if (getsockopt(page->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) {
            fatal("getsockopt");
        }
        page->state = kWriting;
        if (error != 0) {
            finish(page, error);
        }
    } else if (page->state == kWriting) {
        moved = write(page->fd, page->request + page->written, page->length - page->written);
        page->written += moved > 0 ? (size_t)moved : 0;
        page->state = page->written == page->length ? kReading : kWriting;
    } else {
        moved = read(page->fd, buffer, sizeof buffer);
        take(page, buffer, moved);
        if (moved == 0) {
            finish(page, 0);
        }
    }
    if (moved < 0 && errno != EAGAIN && errno != EINTR) {
        finish(page, errno);
    }
}

// Waits until some connection can go on, and lets each such one take a step.
static void step(int started) {
    fd_set readable;
    fd_set writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    int highest = -1;
    for (int i = 0; i < started; ++i) {
        if (pages[i].state != kDone) {
            FD_SET(pages[i].fd, pages[i].state == kReading ? &readable : &writable);
            highest = pages[i].fd > highest ? pages[i].fd : highest;
        }
    }
    if (highest >= 0 && select(highest + 1, &readable, &writable, NULL, NULL) < 0) {
        if (errno != EINTR) {
            fatal("select");
        }
        return;
    }
    for (int i = 0; i < started; ++i) {
        if (pages[i].state != kDone && (FD_ISSET(pages[i].fd, &readable) || FD_ISSET(pages[i].fd, &writable))) {
            go_on(&pages[i]);
        }
    }
}

static int count_running(int started) {
    int running = 0;
    for (int i = 0; i < started; ++i) {
        running += pages[i].state != kDone;
    }
    return running;
}

int main(int argc, char** argv) {
    int count = argc - 4;
    int most = argc > 4 ? atoi(argv[3]) : 0;
    if (count < 1 || count > kMostPages || most < 1) {
        fprintf(stderr, "usage: web_nonblocking HOST PORT MOST PATH...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo* address = NULL;
    int error = getaddrinfo(argv[1], argv[2], &hints, &address);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], gai_strerror(error));
        return 1;
    }
    int started = 0;
    while (started < count || count_running(started) > 0) {
        while (started < count && count_running(started) < most) {
            pages[started].path = argv[4 + started];
            start(&pages[started++], argv[1], address);
        }
        step(started);
    }
    freeaddrinfo(address);
    return 0;
}
