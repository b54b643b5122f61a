// SPDX-License-Identifier: Apache-2.0
//
// What the web clients web_join, web_poll and web_condvar share: their arguments, the fetching of one page by blocking
// calls, and the line that reports it. How several pages are fetched at once is each client's own matter.

#ifndef EXAMPLES_WEB_H
#define EXAMPLES_WEB_H

#include <pthread.h>
#include <stdbool.h>

enum { kMostPages = 1000 };

struct page {
    const char* path;
    int status;  // of HTTP, or 0: then `error` says why there is none
    long bytes;  // of the body
    const char* error;
    bool done;    // each client says what guards it
    bool joined;  // main's own
    pthread_t thread;
};

struct request {
    const char* host;
    const char* port;
    long most;  // so many connections at once
    int count;
    struct page pages[kMostPages];
};

// Reads HOST PORT MOST PATH... or prints the usage and exits with 2.
void parse_request(struct request* request, int argc, char** argv);

// Gets the page and fills in status and bytes, or the error. May be called by many threads at once for different pages.
void fetch(const struct request* request, struct page* page);

void report(const struct page* page);

#endif
