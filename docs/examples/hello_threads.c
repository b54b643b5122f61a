// SPDX-License-Identifier: Apache-2.0
//
// hello_threads [N]: the first program with threads. N of them (4) say hello and end; main waits for each.
//
// Teaches: pthread_create starts a function beside main, pthread_join waits for its end and collects what it returned.
// The hellos come in any order; what main prints after a join comes after that thread's hello. Without the joins,
// main's return would end the process and perhaps no thread would have spoken.
//
//     cc -pthread hello_threads.c net.c -o hello_threads && ./hello_threads 3

#include <stdint.h>

#include "check.h"

enum { kMost = 10000 };

static void* hello(void* argument) {
    intptr_t number = (intptr_t)argument;
    printf("thread %ld: hello\n", (long)number);
    return (void*)(number * number);
}

int main(int argc, char** argv) {
    static pthread_t threads[kMost];
    long count = number_argument(argc, argv, 1, 4, kMost);
    for (long i = 0; i < count; ++i) {
        threads[i] = start_thread(hello, (void*)(intptr_t)i);
    }
    for (long i = 0; i < count; ++i) {
        long square = (long)(intptr_t)join_thread(threads[i]);
        printf("main: thread %ld returned %ld\n", i, square);
    }
    return 0;
}
