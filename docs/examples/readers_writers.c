// SPDX-License-Identifier: Apache-2.0
//
// readers_writers [ROUNDS]: four readers look at a table that two writers change, ROUNDS times each (200).
//
// Teaches: a lock that many readers share and that one writer has alone, made of a mutex and two condition variables. A
// reader also steps back for a writer that only waits, else a stream of readers would starve the writers. (POSIX
// has such a lock ready-made: pthread_rwlock_t.) The readers check that they never see a change half done.
//
//     cc -pthread readers_writers.c net.c -o readers_writers && ./readers_writers

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

enum { kReaders = 4, kWriters = 2, kMost = 1000000 };

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t readers_may;
    pthread_cond_t writer_may;
    int reading;
    int writers_waiting;
    bool writing;
} table_lock = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                .readers_may = PTHREAD_COND_INITIALIZER,
                .writer_may = PTHREAD_COND_INITIALIZER};

static long table[2];  // guarded by table_lock; the two are equal except while a writer is at work
static long rounds;

static void begin_read(void) {
    lock(&table_lock.mutex);
    while (table_lock.writing || table_lock.writers_waiting > 0) {
        wait_for(&table_lock.readers_may, &table_lock.mutex);
    }
    table_lock.reading++;
    unlock(&table_lock.mutex);
}

static void end_read(void) {
    lock(&table_lock.mutex);
    if (--table_lock.reading == 0) {
        notify(&table_lock.writer_may);
    }
    unlock(&table_lock.mutex);
}

static void begin_write(void) {
    lock(&table_lock.mutex);
    table_lock.writers_waiting++;
    while (table_lock.writing || table_lock.reading > 0) {
        wait_for(&table_lock.writer_may, &table_lock.mutex);
    }
    table_lock.writers_waiting--;
    table_lock.writing = true;
    unlock(&table_lock.mutex);
}

static void end_write(void) {
    lock(&table_lock.mutex);
    table_lock.writing = false;
    if (table_lock.writers_waiting > 0) {
        notify(&table_lock.writer_may);
    } else {
        notify_all(&table_lock.readers_may);
    }
    unlock(&table_lock.mutex);
}

// Returns how often it saw a change half done.
static void* read_table(void* unused) {
    (void)unused;
    intptr_t torn = 0;
    for (long i = 0; i < rounds; ++i) {
        begin_read();
        long first = table[0];
        sched_yield();
        torn += first != table[1];
        end_read();
    }
    return (void*)torn;
}

static void* write_table(void* unused) {
    (void)unused;
    for (long i = 0; i < rounds; ++i) {
        begin_write();
        table[0]++;
        sched_yield();
        table[1]++;
        end_write();
    }
    return NULL;
}

int main(int argc, char** argv) {
    rounds = number_argument(argc, argv, 1, 200, kMost);
    pthread_t readers[kReaders];
    pthread_t writers[kWriters];
    for (int i = 0; i < kReaders; ++i) {
        readers[i] = start_thread(read_table, NULL);
    }
    for (int i = 0; i < kWriters; ++i) {
        writers[i] = start_thread(write_table, NULL);
    }
    long torn = 0;
    for (int i = 0; i < kReaders; ++i) {
        torn += (intptr_t)join_thread(readers[i]);
    }
    for (int i = 0; i < kWriters; ++i) {
        join_thread(writers[i]);
    }
    printf("%ld changes, seen half done %ld times\n", table[0], torn);
    return torn == 0 && table[0] == kWriters * rounds ? 0 : 1;
}
