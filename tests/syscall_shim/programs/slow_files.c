/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads read files of a slow file system, while one thread serves requests for a cached file at a steady rate: 1,000
 * a second, each measured from the moment when it was due. Usage: slow_files SLOW-DIRECTORY CACHED-FILE THREADS
 *
 * Prints how many slow files were read, and the 99th percentile of the requests' times in microseconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "expect.h"

enum { kMostThreads = 256, kMostRequests = 20000, kPeriod = 1000000, kLeast = 1500 };

static const char *slow_directory, *cached_file;
static atomic_int read_files, unfinished;
static int64_t times[kMostRequests];

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void read_by_calls(const char* path) {
    char text[64];
    int fd = open(path, O_RDONLY);
    EXPECT(fd >= 0);
    ssize_t got = read(fd, text, sizeof text);
    EXPECT(got == (ssize_t)sizeof text && memcmp(text, "slowly ", 7) == 0);
    EXPECT(close(fd) == 0);
}

static void read_by_stdio(const char* path) {
    char text[64];
    FILE* stream = fopen(path, "r");
    EXPECT(stream != NULL && fread(text, 1, sizeof text, stream) == sizeof text && memcmp(text, "slowly ", 7) == 0);
    EXPECT(fseek(stream, 7, SEEK_CUR) == 0 && ftell(stream) == 71 && fgets(text, 5, stream) == text);
    EXPECT(strcmp(text, "lowl") == 0 && fclose(stream) == 0);
}

static void* read_slowly(void* arg) {
    char path[512];
    int number = (int)(intptr_t)arg;
    snprintf(path, sizeof path, "%s/file%d", slow_directory, number);
    number % 2 == 0 ? read_by_calls(path) : read_by_stdio(path);
    atomic_fetch_add(&read_files, 1);
    atomic_fetch_sub(&unfinished, 1);
    return NULL;
}

static void serve(void) {
    char text[4096];
    struct stat status;
    int fd = open(cached_file, O_RDONLY);
    EXPECT(fd >= 0 && fstat(fd, &status) == 0 && stat(cached_file, &status) == 0);
    EXPECT(read(fd, text, sizeof text) > 0);
    EXPECT(close(fd) == 0);
}

static int by_value(const void* a, const void* b) {
    int64_t left = *(const int64_t*)a, right = *(const int64_t*)b;
    return (left > right) - (left < right);
}

int main(int argc, char** argv) {
    EXPECT(argc == 4);
    slow_directory = argv[1];
    cached_file = argv[2];
    int threads = atoi(argv[3]), requests = 0;
    EXPECT(threads > 0 && threads <= kMostThreads);
    alarm(50);
    serve();
    pthread_t ids[kMostThreads];
    atomic_store(&unfinished, threads);
    for (int i = 0; i < threads; ++i) EXPECT(pthread_create(&ids[i], NULL, read_slowly, (void*)(intptr_t)i) == 0);
    int64_t due = now();
    while ((atomic_load(&unfinished) > 0 || requests < kLeast) && requests < kMostRequests) {
        due += kPeriod;
        struct timespec until = {due / 1000000000, due % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        serve();
        times[requests++] = now() - due;
    }
    for (int i = 0; i < threads; ++i) EXPECT(pthread_join(ids[i], NULL) == 0);
    qsort(times, (size_t)requests, sizeof times[0], by_value);
    char line[64];
    int length =
        snprintf(line, sizeof line, "%d %d\n", atomic_load(&read_files), (int)(times[requests * 99 / 100] / 1000));
    EXPECT(write(STDOUT_FILENO, line, (size_t)length) == length);
    return 0;
}
