// SPDX-License-Identifier: Apache-2.0
//
// argument_race wrong|right: eight threads are told their number through the argument of pthread_create.
//
// Teaches: who owns what the argument points to. `wrong` hands the address of the loop's variable to every thread; when
// a thread comes to read it, the loop has gone on, so several threads believe to be the same one, or number 8, which
// does not exist. `right` gives each thread a number of its own, which lives until the thread has been joined.
//
//     cc -pthread argument_race.c net.c -o argument_race && ./argument_race wrong; ./argument_race right

#include "check.h"

enum { kThreads = 8 };

// Returns the number it was told, in memory of its own; main frees it.
static void* read_number(void* argument) {
    int* copy = malloc(sizeof *copy);
    if (copy == NULL) {
        fatal("malloc");
    }
    *copy = *(volatile int*)argument;
    return copy;
}

static void count_answer(int* told, int* answer) {
    told[*answer]++;
    free(answer);
}

static void run_wrong(int* told) {
    pthread_t threads[kThreads];
    volatile int number;  // one for all
    for (number = 0; number < kThreads; ++number) {
        threads[number] = start_thread(read_number, (void*)&number);
    }
    for (int i = 0; i < kThreads; ++i) {
        count_answer(told, join_thread(threads[i]));
    }
}

static void run_right(int* told) {
    pthread_t threads[kThreads];
    int numbers[kThreads];  // one for each
    for (int i = 0; i < kThreads; ++i) {
        numbers[i] = i;
        threads[i] = start_thread(read_number, &numbers[i]);
    }
    for (int i = 0; i < kThreads; ++i) {
        count_answer(told, join_thread(threads[i]));
    }
}

int main(int argc, char** argv) {
    int told[kThreads + 1] = {0};
    if (argc == 2 && strcmp(argv[1], "wrong") == 0) {
        run_wrong(told);
    } else if (argc == 2 && strcmp(argv[1], "right") == 0) {
        run_right(told);
    } else {
        fprintf(stderr, "usage: argument_race wrong|right\n");
        return 2;
    }
    for (int i = 0; i <= kThreads; ++i) {
        printf("threads that believe to be number %d: %d\n", i, told[i]);
    }
    return 0;
}
