// SPDX-License-Identifier: Apache-2.0
//
// dining_philosophers [MEALS [left]]: five philosophers share five forks and eat MEALS times each (100), with two
// forks.
//
// Teaches: deadlock and how an order prevents it. If each takes the fork to the left first, all may hold one and wait
// for the other for ever: a circle of waiting. Here everybody takes the fork with the smaller number first, so the last
// philosopher reaches the other way round and the circle cannot close. With the argument `left` they do not.
//
//     cc -pthread dining_philosophers.c net.c -o dining_philosophers && ./dining_philosophers

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

enum { kSeats = 5, kMost = 1000000 };

static pthread_mutex_t forks[kSeats] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                        PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static int holder[kSeats];  // who holds the fork: seat + 1, or 0; guarded by the fork
static long meals;
static bool left_first;

static void take(int fork, int seat) {
    lock(&forks[fork]);
    if (holder[fork] != 0) {
        fprintf(stderr, "fork %d is in two hands\n", fork);
        exit(1);
    }
    holder[fork] = seat + 1;
}

static void put_back(int fork) {
    holder[fork] = 0;
    unlock(&forks[fork]);
}

static void* dine(void* argument) {
    int seat = (int)(intptr_t)argument;
    int left = seat;
    int right = (seat + 1) % kSeats;
    int first = left_first || left < right ? left : right;
    int second = first == left ? right : left;
    intptr_t eaten = 0;
    for (; eaten < meals; ++eaten) {
        take(first, seat);
        sched_yield();  // gives the others every chance to get in each other's way
        take(second, seat);
        put_back(second);
        put_back(first);
    }
    return (void*)eaten;
}

int main(int argc, char** argv) {
    meals = number_argument(argc, argv, 1, 100, kMost);
    left_first = argc == 3 && strcmp(argv[2], "left") == 0;
    if (argc > 2 && !left_first) {
        fprintf(stderr, "usage: dining_philosophers [MEALS [left]]\n");
        return 2;
    }
    pthread_t threads[kSeats];
    for (int i = 0; i < kSeats; ++i) {
        threads[i] = start_thread(dine, (void*)(intptr_t)i);
    }
    for (int i = 0; i < kSeats; ++i) {
        printf("philosopher %d ate %ld times\n", i, (long)(intptr_t)join_thread(threads[i]));
    }
    return 0;
}
