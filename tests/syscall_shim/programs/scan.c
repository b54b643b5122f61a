/* SPDX-License-Identifier: Apache-2.0
 *
 * scanf on a pipe whose bytes come one at a time from a thread that only runs while the scanning one waits: conversions
 * over many reads, white space before and after, the look-ahead that goes back to the stream, end of file within a
 * conversion, an unbuffered stream, put-back characters, locking by the caller, and a thread that is cancelled in it.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>

#include "expect.h"

static FILE* in;
static int write_end;
static sem_t ready;
static pthread_t writer;

static void* write_bytes(void* text) {
    for (const char* byte = text; *byte != 0; ++byte) {
        EXPECT(write(write_end, byte, 1) == 1);
        sched_yield();
    }
    EXPECT(close(write_end) == 0);
    return NULL;
}

static void begin(const char* text) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    in = fdopen(ends[0], "r");
    write_end = ends[1];
    EXPECT(in != NULL);
    EXPECT(pthread_create(&writer, NULL, write_bytes, (void*)text) == 0);
}

static void end(const char* part) {
    EXPECT(pthread_join(writer, NULL) == 0 && fclose(in) == 0);
    pass(part);
}

static int scan_list(FILE* stream, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = vfscanf(stream, format, arguments);
    va_end(arguments);
    return result;
}

static void test_numbers(void) {
    int number, sum = 0, count = 0;
    begin("1 2\n\n   3\n-40\n500 \n\n");
    while (fscanf(in, "%d", &number) == 1) {
        sum += number;
        ++count;
    }
    EXPECT(count == 5 && sum == 466 && feof(in) && !ferror(in));
    EXPECT(fscanf(in, "%d", &number) == EOF && getc(in) == EOF);
    end("numbers");
}

static void test_conversions(void) {
    int number = 0, taken = 0;
    double real = 0;
    char word[16], letters[3], set[16], line[16];
    begin("12 -5.25e1 word xyz;abc123,\nnext line\n7");
    EXPECT(fscanf(in, "%d %lf %15s %3c;%15[a-c]%n", &number, &real, word, letters, set, &taken) == 5);
    EXPECT(number == 12 && real == -52.5 && strcmp(word, "word") == 0 && taken == 23);
    EXPECT(memcmp(letters, "xyz", 3) == 0 && strcmp(set, "abc") == 0);
    EXPECT(getc(in) == '1' && ungetc('9', in) == '9');
    EXPECT(scan_list(in, "%d", &number) == 1 && number == 923);
    EXPECT(getc(in) == ',' && getc(in) == '\n');
    EXPECT(fgets(line, sizeof(line), in) == line && strcmp(line, "next line\n") == 0);
    EXPECT(fscanf(in, "%15s", word) == 1 && strcmp(word, "7") == 0);
    EXPECT(fscanf(in, "%15s", word) == EOF && feof(in));
    end("conversions");
}

static void test_mismatch(void) {
    int number = 0;
    char word[8];
    begin("abc 1x");
    EXPECT(fscanf(in, "%d", &number) == 0);
    EXPECT(fscanf(in, "%7s", word) == 1 && strcmp(word, "abc") == 0);
    EXPECT(fscanf(in, "%d %d", &number, &number) == 1 && number == 1);
    EXPECT(getc(in) == 'x' && getc(in) == EOF);
    end("mismatch");
}

static void test_modes(void) {
    int number = 0;
    begin("10 20 30\n");
    EXPECT(setvbuf(in, NULL, _IONBF, 0) == 0);
    EXPECT(fscanf(in, "%d", &number) == 1 && number == 10 && getc(in) == ' ');
    EXPECT(fscanf(in, "%d", &number) == 1 && number == 20 && getc(in) == ' ');
    __fsetlocking(in, FSETLOCKING_BYCALLER);
    EXPECT(fscanf(in, "%d ", &number) == 1 && number == 30 && feof(in));
    end("modes");
}

static void* scan_for_ever(void* arg) {
    int number;
    EXPECT(sem_post(&ready) == 0);
    EXPECT(fscanf(in, "%d", &number) == 0);
    EXPECT(!"the scan was cancelled");
    return arg;
}

static void test_cancelled(void) {
    int ends[2], number = 0;
    void* result;
    pthread_t thread;
    EXPECT(pipe(ends) == 0 && sem_init(&ready, 0, 0) == 0);
    in = fdopen(ends[0], "r");
    for (int i = 0; i < 20; ++i) {
        EXPECT(pthread_create(&thread, NULL, scan_for_ever, NULL) == 0);
        EXPECT(sem_wait(&ready) == 0 && usleep(i % 2 * 1000) == 0);
        EXPECT(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    }
    EXPECT(write(ends[1], "321\n", 4) == 4);
    EXPECT(fscanf(in, "%d", &number) == 1 && number == 321 && getc(in) == '\n');
    EXPECT(fclose(in) == 0 && close(ends[1]) == 0);
    pass("cancelled");
}

int main(void) {
    test_numbers();
    test_conversions();
    test_mismatch();
    test_modes();
    test_cancelled();
    return 0;
}
