// SPDX-License-Identifier: Apache-2.0
//
// thread_local [PROGRAM ARGUMENT...]: a program with a TLS segment and three calls that block, which `rondo --check`
// and the note about thread-local variables are tested with. Prints "ok", then becomes PROGRAM if there is one.

#include <netdb.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

static _Thread_local volatile int calls;

// Imported for --check to list; main never gets here.
static int blocking_calls(const char* host) {
    char byte;
    struct addrinfo* found = NULL;
    return flock(0, LOCK_EX) + getaddrinfo(host, NULL, NULL, &found) + (int)read(0, &byte, 1);
}

int main(int argc, char** argv) {
    ++calls;
    if (calls != 1) {
        return blocking_calls(argv[0]);
    }
    puts("ok");
    fflush(stdout);
    if (argc > 1) {
        execv(argv[1], argv + 1);
        perror(argv[1]);
        return 1;
    }
    return 0;
}
