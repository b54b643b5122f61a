// SPDX-License-Identifier: Apache-2.0
//
// producer_consumer_sem [ITEMS]: the bounded buffer again, by semaphores. A producer makes ITEMS numbers (1000), a
// consumer adds them up.
//
// Teaches: a semaphore counts. `places` says how many places are free, `items` how many are filled: each side waits for
// the one and posts the other, in the opposite order. The third semaphore is a lock for the indices; it must be taken
// last, for who waits for a place while holding the lock keeps everybody from making one.
//
//     cc -pthread producer_consumer_sem.c net.c -o producer_consumer_sem && ./producer_consumer_sem

#include <semaphore.h>
#include <stdint.h>

#include "check.h"

enum { kPlaces = 4, kProducers = 2, kConsumers = 2, kEnd = -1, kMost = 1000000 };

static sem_t places;
static sem_t items;
static sem_t indices;
static long slots[kPlaces];
static unsigned filled;  // both guarded by `indices`
static unsigned emptied;

static void down(sem_t* semaphore) {
    while (sem_wait(semaphore) != 0) {
        if (errno != EINTR) {
            fatal("sem_wait");
        }
    }
}

static void up(sem_t* semaphore) {
    if (sem_post(semaphore) != 0) {
        fatal("sem_post");
    }
}

static void put(long item) {
    down(&places);
    down(&indices);
    slots[filled++ % kPlaces] = item;
    up(&indices);
    up(&items);
}

static long get(void) {
    down(&items);
    down(&indices);
    long item = slots[emptied++ % kPlaces];
    up(&indices);
    up(&places);
    return item;
}

static void* produce(void* argument) {
    for (long item = 1; item <= (intptr_t)argument; ++item) {
        put(item);
    }
    return NULL;
}

static void* consume(void* unused) {
    (void)unused;
    long sum = 0;
    for (long item = get(); item != kEnd; item = get()) {
        sum += item;
    }
    return (void*)(intptr_t)sum;
}

int main(int argc, char** argv) {
    long count = number_argument(argc, argv, 1, 1000, kMost);
    if (sem_init(&places, 0, kPlaces) != 0 || sem_init(&items, 0, 0) != 0 || sem_init(&indices, 0, 1) != 0) {
        fatal("sem_init");
    }
    pthread_t producers[kProducers];
    pthread_t consumers[kConsumers];
    for (int i = 0; i < kProducers; ++i) {
        producers[i] = start_thread(produce, (void*)(intptr_t)count);
    }
    for (int i = 0; i < kConsumers; ++i) {
        consumers[i] = start_thread(consume, NULL);
    }
    for (int i = 0; i < kProducers; ++i) {
        join_thread(producers[i]);
    }
    long sum = 0;
    for (int i = 0; i < kConsumers; ++i) {
        put(kEnd);
    }
    for (int i = 0; i < kConsumers; ++i) {
        sum += (intptr_t)join_thread(consumers[i]);
    }
    printf("%d producers of 1..%ld: the consumers got a sum of %ld\n", kProducers, count, sum);
    return sum == kProducers * count * (count + 1) / 2 ? 0 : 1;
}
