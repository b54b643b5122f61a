// SPDX-License-Identifier: Apache-2.0
//
// pipeline: reads words from stdin and passes each through three stages: one turns it round, one numbers it, one makes
// its letters capitals. The words come out in the order in which they went in; palindromes in brackets.
//
// Teaches: stages joined by queues. Each stage is a simple loop that knows only its two queues; a full queue holds the
// stage before it back, so a slow stage never drowns in work. The end is passed on like any other item.
//
//     cc -pthread pipeline.c net.c -o pipeline && echo one anna two | ./pipeline

#include <ctype.h>
#include <stdbool.h>

#include "check.h"

enum { kPlaces = 8, kWord = 64, kStages = 3 };

struct item {
    char text[kWord];
    bool palindrome;
    long number;
    bool end;
};

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct item items[kPlaces];
    int first;
    int count;
};

struct stage {
    void (*work)(struct item*);
    struct queue* in;
    struct queue* out;
};

static struct queue queues[kStages + 1];

// With one thread at each end a single condition variable is enough: only the other end can be waiting.
static void put(struct queue* queue, const struct item* item) {
    lock(&queue->mutex);
    while (queue->count == kPlaces) {
        wait_for(&queue->changed, &queue->mutex);
    }
    queue->items[(queue->first + queue->count++) % kPlaces] = *item;
    notify(&queue->changed);
    unlock(&queue->mutex);
}

static struct item get(struct queue* queue) {
    lock(&queue->mutex);
    while (queue->count == 0) {
        wait_for(&queue->changed, &queue->mutex);
    }
    struct item item = queue->items[queue->first];
    queue->first = (queue->first + 1) % kPlaces;
    queue->count--;
    notify(&queue->changed);
    unlock(&queue->mutex);
    return item;
}

static void turn_round(struct item* item) {
    char copy[kWord];
    size_t length = strlen(item->text);
    for (size_t i = 0; i < length; ++i) {
        copy[i] = item->text[length - 1 - i];
    }
    copy[length] = 0;
    item->palindrome = strcmp(copy, item->text) == 0;
    memcpy(item->text, copy, length + 1);
}

// Only one thread runs this stage, so its counter needs no lock.
static void give_number(struct item* item) {
    static long last;
    item->number = ++last;
}

static void raise_letters(struct item* item) {
    for (char* letter = item->text; *letter != 0; ++letter) {
        *letter = (char)toupper((unsigned char)*letter);
    }
}

static void* run_stage(void* argument) {
    struct stage* stage = argument;
    for (;;) {
        struct item item = get(stage->in);
        if (!item.end) {
            stage->work(&item);
        }
        put(stage->out, &item);
        if (item.end) {
            return NULL;
        }
    }
}

static void* read_words(void* unused) {
    (void)unused;
    struct item item = {.end = false};
    while (scanf("%63s", item.text) == 1) {
        put(&queues[0], &item);
    }
    put(&queues[0], &(struct item){.end = true});
    return NULL;
}

int main(void) {
    void (*const works[kStages])(struct item*) = {turn_round, give_number, raise_letters};
    struct stage stages[kStages];
    pthread_t threads[kStages];
    for (int i = 0; i <= kStages; ++i) {
        check(pthread_mutex_init(&queues[i].mutex, NULL), "pthread_mutex_init");
        check(pthread_cond_init(&queues[i].changed, NULL), "pthread_cond_init");
    }
    for (int i = 0; i < kStages; ++i) {
        stages[i] = (struct stage){.work = works[i], .in = &queues[i], .out = &queues[i + 1]};
        threads[i] = start_thread(run_stage, &stages[i]);
    }
    pthread_t reader = start_thread(read_words, NULL);
    for (struct item item = get(&queues[kStages]); !item.end; item = get(&queues[kStages])) {
        printf(item.palindrome ? "%ld [%s]\n" : "%ld %s\n", item.number, item.text);
    }
    join_thread(reader);
    for (int i = 0; i < kStages; ++i) {
        join_thread(threads[i]);
    }
    return 0;
}
