/* SPDX-License-Identifier: Apache-2.0
 *
 * The lock of a FILE under threads that park: lines of several writers stay whole though the pipe is full most of the
 * time; flockfile excludes others across waits, nests, and passes through calls that only libc has; a thread cancelled
 * in fgets gives the lock back; a stream locked by its user stays usable; a thread that prints in a loop leaves the
 * others their turn.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdio_ext.h>

#include "expect.h"

enum { kWriters = 8, kLines = 400 };

static FILE *in, *out;
static sem_t ready, go;
static int inside;
static atomic_bool said;

static void open_pipe(void) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    in = fdopen(ends[0], "r");
    out = fdopen(ends[1], "w");
    EXPECT(in != NULL && out != NULL);
}

static void close_pipe(void) { EXPECT(fclose(in) == 0 && fclose(out) == 0); }

static pthread_t start(void* (*body)(void*), void* arg) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

static void* write_lines(void* arg) {
    int number = (int)(intptr_t)arg;
    for (int i = 0; i < kLines; ++i) {
        if (i % 3 == 0) {
            EXPECT(fprintf(out, "%d %d %0300d\n", number, i, 0) > 300);
            continue;
        }
        flockfile(out);
        EXPECT(fprintf(out, "%d ", number) > 0);
        if (i % 3 == 1) usleep(1);
        flockfile(out);
        EXPECT(!ferror(out) && fprintf(out, "%d ", i) > 0);
        funlockfile(out);
        EXPECT(fputs("rest\n", out) >= 0);
        funlockfile(out);
    }
    return NULL;
}

static void* read_lines(void* arg) {
    int next[kWriters] = {0};
    char line[512];
    for (int i = 0; i < kWriters * kLines; ++i) {
        int number, place;
        char rest[512];
        EXPECT(fgets(line, sizeof(line), in) != NULL);
        EXPECT(sscanf(line, "%d %d %511s", &number, &place, rest) == 3);
        EXPECT(number >= 0 && number < kWriters && place == next[number]);
        EXPECT(strlen(rest) == (place % 3 == 0 ? 300 : 4));
        ++next[number];
    }
    return arg;
}

static void test_lines_stay_whole(void) {
    pthread_t writers[kWriters];
    open_pipe();
    pthread_t reader = start(read_lines, NULL);
    for (intptr_t i = 0; i < kWriters; ++i) writers[i] = start(write_lines, (void*)i);
    for (int i = 0; i < kWriters; ++i) EXPECT(pthread_join(writers[i], NULL) == 0);
    EXPECT(fflush(out) == 0);
    EXPECT(pthread_join(reader, NULL) == 0);
    close_pipe();
    pass("lines stay whole");
}

static void* try_and_lock(void* arg) {
    EXPECT(ftrylockfile(out) != 0);
    EXPECT(sem_post(&ready) == 0);
    flockfile(out);
    EXPECT(inside == 0);
    inside = 1;
    usleep(1);
    inside = 0;
    funlockfile(out);
    return arg;
}

static void test_flockfile(void) {
    open_pipe();
    flockfile(out);
    EXPECT(ftrylockfile(out) == 0);
    funlockfile(out);
    inside = 1;
    pthread_t one = start(try_and_lock, NULL), two = start(try_and_lock, NULL);
    EXPECT(sem_wait(&ready) == 0 && sem_wait(&ready) == 0);
    usleep(2000);
    EXPECT(setvbuf(out, NULL, _IOLBF, 0) == 0 && ftell(out) == -1);
    inside = 0;
    funlockfile(out);
    EXPECT(pthread_join(one, NULL) == 0 && pthread_join(two, NULL) == 0);
    flockfile(out);
    EXPECT(fclose(out) == 0 && fclose(in) == 0);
    pass("flockfile");
}

static void* read_for_ever(void* arg) {
    char line[16];
    EXPECT(sem_post(&ready) == 0);
    fgets(line, sizeof(line), in);
    EXPECT(!"the read was cancelled");
    return arg;
}

static void test_cancelled_reader(void) {
    void* result;
    char line[16];
    open_pipe();
    pthread_t thread = start(read_for_ever, NULL);
    EXPECT(sem_wait(&ready) == 0);
    usleep(1000);
    EXPECT(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    EXPECT(ftrylockfile(in) == 0);
    funlockfile(in);
    EXPECT(fputs("hello\n", out) >= 0 && fflush(out) == 0);
    EXPECT(fgets(line, sizeof(line), in) == line && strcmp(line, "hello\n") == 0);
    close_pipe();
    pass("cancelled reader");
}

static void* read_line(void* arg) {
    char line[16];
    EXPECT(fgets(line, sizeof(line), in) == line && strcmp(line, "late\n") == 0);
    return arg;
}

/* fflush(NULL) must not wait for a stream that another thread is reading. */
static void test_flush_all_passes_a_reader(void) {
    open_pipe();
    pthread_t thread = start(read_line, NULL);
    usleep(1000);
    EXPECT(fputs("late\n", out) >= 0 && fflush(NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    close_pipe();
    pass("flush of all");
}

static void test_user_locking(void) {
    char line[16];
    open_pipe();
    __fsetlocking(out, FSETLOCKING_BYCALLER);
    __fsetlocking(in, FSETLOCKING_BYCALLER);
    EXPECT(fprintf(out, "by caller\n") == 10 && fflush(out) == 0);
    EXPECT(fgets(line, sizeof(line), in) == line && strcmp(line, "by caller\n") == 0);
    close_pipe();
    pass("locking by caller");
}

static void* print_in_a_loop(void* arg) {
    for (int i = 0; !said; ++i) {
        EXPECT(fputs("the same again\n", out) >= 0);
        if (i == 10000) EXPECT(sem_post(&ready) == 0);
    }
    EXPECT(fclose(out) == 0);
    return arg;
}

static void* read_to_the_end(void* arg) {
    char line[64];
    while (fgets(line, sizeof(line), in) != NULL) continue;
    EXPECT(!ferror(in) && fclose(in) == 0);
    return arg;
}

static void test_printing_in_a_loop(void) {
    open_pipe();
    pthread_t printer = start(print_in_a_loop, NULL), reader = start(read_to_the_end, NULL);
    EXPECT(sem_wait(&ready) == 0);
    for (int i = 0; i < 100; ++i) EXPECT(fputs("my turn\n", out) >= 0);
    said = true;
    EXPECT(pthread_join(printer, NULL) == 0 && pthread_join(reader, NULL) == 0);
    pass("printing in a loop");
}

static void* say(void* arg) {
    said = true;
    return arg;
}

static void test_files_in_a_loop(void) {
    FILE *sink = fopen("/dev/null", "w"), *source = fopen("/dev/zero", "r");
    EXPECT(sink != NULL && source != NULL);
    for (int reads = 0; reads < 2; ++reads) {
        said = false;
        pthread_t thread = start(say, NULL);
        while (!said) EXPECT(reads ? getc(source) == 0 : fprintf(sink, "and again\n") > 0);
        EXPECT(pthread_join(thread, NULL) == 0);
    }
    EXPECT(fclose(sink) == 0 && fclose(source) == 0);
    pass("files in a loop");
}

int main(void) {
    EXPECT(sem_init(&ready, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    test_lines_stay_whole();
    test_flockfile();
    test_cancelled_reader();
    test_flush_all_passes_a_reader();
    test_user_locking();
    test_printing_in_a_loop();
    test_files_in_a_loop();
    return 0;
}
