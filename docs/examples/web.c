// SPDX-License-Identifier: Apache-2.0
//
// The part that the web clients with threads have in common (web.h): HTTP/1.0 over a blocking socket. The request is
// written at once; the answer is read through stdio, whose lines suit the header. The server's close ends the body.

#include "web.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

void parse_request(struct request* request, int argc, char** argv) {
    if (argc < 5 || argc - 4 > kMostPages) {
        fprintf(stderr, "usage: %s HOST PORT MOST PATH...\n", argv[0]);
        exit(2);
    }
    request->host = argv[1];
    request->port = argv[2];
    signal(SIGPIPE, SIG_IGN);  // a server that hangs up early costs its page, not the program
    request->most = number_argument(argc, argv, 3, 1, kMostPages);
    for (request->count = 0; request->count < argc - 4; ++request->count) {
        request->pages[request->count].path = argv[4 + request->count];
    }
}

// Reads to the end. Returns NULL, or what is wrong.
static const char* read_answer(FILE* in, struct page* page) {
    char buffer[4096];
    if (fgets(buffer, sizeof buffer, in) == NULL || sscanf(buffer, "HTTP/%*s %d", &page->status) != 1) {
        return "no answer in HTTP";
    }
    do {
        if (fgets(buffer, sizeof buffer, in) == NULL) {
            return "the header has no end";
        }
    } while (strcmp(buffer, "\r\n") != 0);
    size_t length;
    while ((length = fread(buffer, 1, sizeof buffer, in)) > 0) {
        page->bytes += (long)length;
    }
    return ferror(in) ? "the body broke off" : NULL;
}

void fetch(const struct request* request, struct page* page) {
    char line[1024];
    int length = snprintf(line, sizeof line, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", page->path, request->host);
    if (length < 0 || length >= (int)sizeof line) {
        page->error = "too long a path";
        return;
    }
    int fd = connect_tcp(request->host, request->port);
    FILE* in = fd < 0 ? NULL : fdopen(fd, "r");
    if (in == NULL) {
        page->error = "no connection";
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    page->error = write_all(fd, line, (size_t)length) < 0 ? "the request broke off" : read_answer(in, page);
    fclose(in);
}

void report(const struct page* page) {
    if (page->error != NULL) {
        printf("%s: %s\n", page->path, page->error);
    } else {
        printf("%s: status %d, %ld bytes\n", page->path, page->status, page->bytes);
    }
}
