// SPDX-License-Identifier: Apache-2.0
//
// What the hand-written responder (http_epoll.c) needs to know of HTTP: where a request ends, which answer it gets and
// whether the connection goes on. Every answer is built at the start, head and body in one piece, so that it takes one
// send and no thought. Only what a client of a benchmark and a plain browser sends is understood; anything else is
// answered 400 and closed. Paths are compared as they stand: no percent-encoding, no ranges, no validators.
#ifndef BENCH_SERVERS_HTTP_ANSWERS_H
#define BENCH_SERVERS_HTTP_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

struct answer {
    char* bytes;         // head and body
    size_t length;       // of both
    size_t head_length;  // what a HEAD request gets; the date is in here
};

struct request {
    size_t length;  // bytes of it, the empty line included
    const struct answer* answer;
    bool head;  // without the body
    bool last;  // the connection ends after it
};

enum { kMostHead = 8192 };

// Makes an answer of every regular file below the folder; "/" is /index.html. Ends the program when it cannot.
void answers_load(const char* folder);

// Sets the date in every answer's head if the second has changed.
void answers_refresh(void);

// Reads the request at the front of these bytes. False: it is not whole yet.
bool request_read(const char* bytes, size_t length, struct request* request);

#endif
