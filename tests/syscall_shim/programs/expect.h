/* SPDX-License-Identifier: Apache-2.0
 *
 * EXPECT for the programs of this folder: a false condition is reported with its place, and ends the process with 1.
 * The report uses no stdio, for some of the programs test stdio. pass() says that a part is over; what it prints is
 * compared between a native run and one under rondo.
 */
#ifndef RONDO_TESTS_EXPECT_H
#define RONDO_TESTS_EXPECT_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPECT_TEXT_OF(x) #x
#define EXPECT_TEXT(x) EXPECT_TEXT_OF(x)
#define EXPECT(condition)                                                                                 \
    do {                                                                                                  \
        if (!(condition)) expect_failed(__FILE__ ":" EXPECT_TEXT(__LINE__) ": not so: " #condition "\n"); \
    } while (0)

static inline void expect_failed(const char* text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    _exit(written < 0 ? 2 : 1);
}

static inline void pass(const char* part) {
    char line[128] = "passed ";
    strncat(line, part, sizeof(line) - 10);
    strcat(line, "\n");
    if (write(STDOUT_FILENO, line, strlen(line)) < 0) _exit(2);
}

#endif
