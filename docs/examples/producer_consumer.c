// SPDX-License-Identifier: Apache-2.0
//
// producer_consumer [ITEMS]: three producers and two consumers share a buffer of four places; each producer makes ITEMS
// numbers (1000).
//
// Teaches: the monitor. One mutex guards the buffer, one condition variable is waited on by those who need a place and
// one by those who need an item. A wait stands in a `while`, because between the signal and the moment the woken thread
// has the mutex again somebody else may have taken what it waited for. The end is an item too: one kEnd a consumer.
//
//     cc -pthread producer_consumer.c net.c -o producer_consumer && ./producer_consumer

#include <stdint.h>

#include "check.h"

enum { kProducers = 3, kConsumers = 2, kPlaces = 4, kEnd = -1, kMost = 1000000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t has_place;
    pthread_cond_t has_item;
    long items[kPlaces];
    int first;
    int count;
} buffer = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .has_place = PTHREAD_COND_INITIALIZER, .has_item = PTHREAD_COND_INITIALIZER};

static void put(long item) {
    lock(&buffer.mutex);
    while (buffer.count == kPlaces) {
        wait_for(&buffer.has_place, &buffer.mutex);
    }
    buffer.items[(buffer.first + buffer.count) % kPlaces] = item;
    buffer.count++;
    notify(&buffer.has_item);
    unlock(&buffer.mutex);
}

static long get(void) {
    lock(&buffer.mutex);
    while (buffer.count == 0) {
        wait_for(&buffer.has_item, &buffer.mutex);
    }
    long item = buffer.items[buffer.first];
    buffer.first = (buffer.first + 1) % kPlaces;
    buffer.count--;
    notify(&buffer.has_place);
    unlock(&buffer.mutex);
    return item;
}

static void* produce(void* argument) {
    for (long item = 1; item <= (intptr_t)argument; ++item) {
        put(item);
    }
    return NULL;
}

// Returns the sum of what it got.
static void* consume(void* unused) {
    (void)unused;
    long sum = 0;
    for (long item = get(); item != kEnd; item = get()) {
        sum += item;
    }
    return (void*)(intptr_t)sum;
}

int main(int argc, char** argv) {
    long items = number_argument(argc, argv, 1, 1000, kMost);
    pthread_t producers[kProducers];
    pthread_t consumers[kConsumers];
    for (int i = 0; i < kProducers; ++i) {
        producers[i] = start_thread(produce, (void*)(intptr_t)items);
    }
    for (int i = 0; i < kConsumers; ++i) {
        consumers[i] = start_thread(consume, NULL);
    }
    for (int i = 0; i < kProducers; ++i) {
        join_thread(producers[i]);
    }
    for (int i = 0; i < kConsumers; ++i) {
        put(kEnd);
    }
    long sum = 0;
    for (int i = 0; i < kConsumers; ++i) {
        sum += (intptr_t)join_thread(consumers[i]);
    }
    printf("%d producers of 1..%ld: the consumers got a sum of %ld\n", kProducers, items, sum);
    return sum == kProducers * items * (items + 1) / 2 ? 0 : 1;
}
