// SPDX-License-Identifier: Apache-2.0
//
// parallel_call [N]: asks N slow services at once (5) and combines their answers. How long it took goes to stderr: as
// long as the slowest, not as long as all together.
//
// Teaches: a call and a join make a parallel call. Each call has a record of its own with the question, the answer and
// the error; the join is what makes the answer visible to main, so no lock is needed.
//
// Here a service is a wait of 20 ms times its number; in a real program it is a request to another machine.
//
//     cc -pthread parallel_call.c net.c -o parallel_call && ./parallel_call

#include "check.h"

enum { kMost = 1000, kRefusing = 3 };

struct call {
    long service;
    long answer;
    int error;
};

static long milliseconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        fatal("clock_gettime");
    }
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void* ask(void* argument) {
    struct call* call = argument;
    sleep_ms(call->service <= 10 ? call->service * 20 : 200);
    if (call->service == kRefusing) {
        call->error = ECONNREFUSED;
    } else {
        call->answer = call->service * 100;
    }
    return NULL;
}

int main(int argc, char** argv) {
    static struct call calls[kMost];
    static pthread_t threads[kMost];
    long count = number_argument(argc, argv, 1, 5, kMost);
    long start = milliseconds();
    for (long i = 0; i < count; ++i) {
        calls[i].service = i + 1;
        threads[i] = start_thread(ask, &calls[i]);
    }
    long total = 0;
    for (long i = 0; i < count; ++i) {
        join_thread(threads[i]);
        if (calls[i].error != 0) {
            printf("service %ld: %s\n", calls[i].service, strerror(calls[i].error));
        } else {
            printf("service %ld: %ld\n", calls[i].service, calls[i].answer);
            total += calls[i].answer;
        }
    }
    printf("total: %ld\n", total);
    fprintf(stderr, "it took %ld ms\n", milliseconds() - start);
    return 0;
}
