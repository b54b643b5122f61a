/* SPDX-License-Identifier: Apache-2.0
 *
 * stdio over pipes and socket pairs: every reading and writing function, each side in a thread of its own, so that one
 * must park for the other; ungetc, buffering modes, end of file and errors; long formatted texts; fflush(NULL); fclose.
 * Built also with _FORTIFY_SOURCE, which calls other symbols.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/socket.h>

#include "expect.h"

enum { kRounds = 300, kLong = 100000 };

typedef struct {
    FILE* in;
    FILE* out;
} Streams;

static char long_text[kLong + 1];

static Streams open_pipe(void) {
    int ends[2];
    EXPECT(pipe(ends) == 0);
    Streams streams = {fdopen(ends[0], "r"), fdopen(ends[1], "w")};
    EXPECT(streams.in != NULL && streams.out != NULL);
    return streams;
}

static pthread_t start(void* (*body)(void*), void* arg) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

static void* echo_lines(void* arg) {
    char line[64];
    int fd = *(int*)arg;
    FILE* stream = fdopen(fd, "r+");
    EXPECT(stream != NULL);
    while (fgets(line, sizeof(line), stream) != NULL) {
        EXPECT(fprintf(stream, "%zu %s", strlen(line), line) > 0);
        EXPECT(fflush(stream) == 0);
    }
    EXPECT(feof(stream) && !ferror(stream));
    EXPECT(fclose(stream) == 0);
    return NULL;
}

static void test_echo(void) {
    int pair[2];
    char line[64], answer[64], expected[80];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_t thread = start(echo_lines, &pair[1]);
    FILE* in = fdopen(pair[0], "r");
    FILE* out = fdopen(dup(pair[0]), "w");
    EXPECT(setvbuf(out, NULL, _IOLBF, 0) == 0);
    for (int i = 0; i < kRounds; ++i) {
        snprintf(line, sizeof(line), "line %d\n", i * i);
        snprintf(expected, sizeof(expected), "%zu %s", strlen(line), line);
        EXPECT(fputs(line, out) >= 0);
        EXPECT(fgets(answer, sizeof(answer), in) == answer && strcmp(answer, expected) == 0);
    }
    EXPECT(fclose(out) == 0 && shutdown(pair[0], SHUT_WR) == 0);
    EXPECT(fgets(answer, sizeof(answer), in) == NULL && feof(in));
    EXPECT(pthread_join(thread, NULL) == 0 && fclose(in) == 0);
    EXPECT(write(pair[0], "x", 1) == -1 && errno == EBADF);
    pass("echo");
}

static int print_with_list(FILE* stream, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = vfprintf(stream, format, arguments);
    va_end(arguments);
    return result;
}

static void* write_everything(void* arg) {
    FILE* out = arg;
    EXPECT(fputc('a', out) == 'a' && putc('b', out) == 'b' && putc_unlocked('c', out) == 'c');
    EXPECT(fputs("string\n", out) >= 0 && fputs_unlocked("unlocked\n", out) >= 0);
    EXPECT(fwrite("blocks\n", 7, 1, out) == 1 && fwrite_unlocked("more\n", 1, 5, out) == 5);
    EXPECT(fprintf(out, "%s %d\n", "number", 42) == 10 && print_with_list(out, "%05.1f\n", 2.25) == 6);
    EXPECT(fflush(out) == 0);
    EXPECT(dprintf(fileno(out), "%s", "direct\n") == 7);
    EXPECT(fprintf(out, "%s\n", long_text) == kLong + 1);
    EXPECT(fwrite(long_text, 1, kLong, out) == kLong && putc_unlocked('\n', out) == '\n');
    EXPECT(fputs("tail without newline", out) >= 0);
    EXPECT(fclose(out) == 0);
    return NULL;
}

static void test_every_function(void) {
    char buffer[64], *line = NULL;
    size_t size = 0;
    int number = 0;
    memset(long_text, 'x', kLong);
    Streams pipe = open_pipe();
    pthread_t thread = start(write_everything, pipe.out);
    EXPECT(fgetc(pipe.in) == 'a' && getc(pipe.in) == 'b');
    EXPECT(ungetc('B', pipe.in) == 'B' && ungetc('A', pipe.in) == 'A');
    EXPECT(getc(pipe.in) == 'A' && getc_unlocked(pipe.in) == 'B' && getc_unlocked(pipe.in) == 'c');
    EXPECT(getline(&line, &size, pipe.in) == 7 && strcmp(line, "string\n") == 0);
    EXPECT(getdelim(&line, &size, 'k', pipe.in) == 6 && strcmp(line, "unlock") == 0);
    EXPECT(fgets(buffer, 3, pipe.in) == buffer && strcmp(buffer, "ed") == 0);
    EXPECT(fgets_unlocked(buffer, 3, pipe.in) == buffer && strcmp(buffer, "\n") == 0);
    EXPECT(fread(buffer, 6, 2, pipe.in) == 2 && memcmp(buffer, "blocks\nmore\n", 12) == 0);
    EXPECT(fscanf(pipe.in, "number %d\n", &number) == 1 && number == 42);
    EXPECT(fread_unlocked(buffer, 1, 13, pipe.in) == 13 && memcmp(buffer, "002.2\ndirect\n", 13) == 0);
    EXPECT(getline(&line, &size, pipe.in) == kLong + 1 && memcmp(line, long_text, kLong) == 0);
    EXPECT(fread(line, 1, kLong + 1, pipe.in) == kLong + 1 && line[kLong] == '\n');
    EXPECT(getline(&line, &size, pipe.in) == 20 && strcmp(line, "tail without newline") == 0);
    EXPECT(getline(&line, &size, pipe.in) == -1 && feof(pipe.in) && getc(pipe.in) == EOF);
    clearerr(pipe.in);
    EXPECT(!feof(pipe.in) && !ferror(pipe.in));
    free(line);
    EXPECT(pthread_join(thread, NULL) == 0 && fclose(pipe.in) == 0);
    pass("every function");
}

static size_t available(FILE* in) {
    char byte;
    size_t count = 0;
    while (read(fileno(in), &byte, 1) == 1 && byte != '|') ++count;
    return count;
}

static void test_buffering(void) {
    Streams full = open_pipe(), line = open_pipe(), none = open_pipe();
    EXPECT(setvbuf(line.out, NULL, _IOLBF, 100) == 0 && setvbuf(none.out, NULL, _IONBF, 0) == 0);
    EXPECT(fprintf(none.out, "now") == 3 && putc('!', none.out) == '!');
    EXPECT(fputs("a line\nand a half", line.out) >= 0);
    EXPECT(fputs("kept", full.out) >= 0);
    EXPECT(write(fileno(none.out), "|", 1) == 1 && available(none.in) == 4);
    EXPECT(write(fileno(line.out), "|", 1) == 1 && available(line.in) == 7);
    EXPECT(write(fileno(full.out), "|", 1) == 1 && available(full.in) == 0);
    EXPECT(fflush(NULL) == 0);
    EXPECT(write(fileno(line.out), "|", 1) == 1 && available(line.in) == 10);
    EXPECT(write(fileno(full.out), "|", 1) == 1 && available(full.in) == 4);
    EXPECT(fclose(full.in) == 0 && fclose(full.out) == 0 && fclose(line.in) == 0 && fclose(line.out) == 0);
    EXPECT(fclose(none.in) == 0 && fclose(none.out) == 0);
    pass("buffering");
}

static void test_errors(void) {
    Streams pipe = open_pipe();
    errno = 0;
    EXPECT(fputc('x', pipe.in) == EOF && errno == EBADF && ferror(pipe.in));
    errno = 0;
    EXPECT(fgetc(pipe.out) == EOF && errno == EBADF && ferror(pipe.out));
    errno = 0;
    EXPECT(fseek(pipe.in, 0, SEEK_SET) == -1 && errno == ESPIPE);
    clearerr(pipe.out);
    EXPECT(fputs("lost", pipe.out) >= 0 && close(fileno(pipe.out)) == 0);
    errno = 0;
    EXPECT(fflush(pipe.out) == EOF && errno == EBADF && ferror(pipe.out));
    EXPECT(fclose(pipe.out) == EOF);
    EXPECT(fclose(pipe.in) == 0);
    pass("errors");
}

static void test_regular_file(void) {
    char line[32];
    FILE* file = tmpfile();
    EXPECT(file != NULL);
    for (int i = 0; i < 1000; ++i) EXPECT(fprintf(file, "line %d\n", i) > 0);
    rewind(file);
    for (int i = 0; i < 1000; ++i) {
        char expected[32];
        snprintf(expected, sizeof(expected), "line %d\n", i);
        EXPECT(fgets(line, sizeof(line), file) == line && strcmp(line, expected) == 0);
    }
    EXPECT(fgetc(file) == EOF && feof(file));
    EXPECT(fseek(file, 5, SEEK_SET) == 0 && getc(file) == '0' && ftell(file) == 6);
    EXPECT(fclose(file) == 0);
    char* memory = NULL;
    size_t size = 0;
    FILE* stream = open_memstream(&memory, &size);
    EXPECT(fprintf(stream, "%d", 12345) == 5 && fclose(stream) == 0);
    EXPECT(size == 5 && strcmp(memory, "12345") == 0);
    free(memory);
    pass("files and memory");
}

static void* do_nothing(void* arg) { return arg; }

int main(void) {
    EXPECT(pthread_join(start(do_nothing, NULL), NULL) == 0);
    test_echo();
    test_every_function();
    test_buffering();
    test_errors();
    test_regular_file();
    printf("%s %d\n", "printed", 1);
    puts("put");
    putchar('c');
    putchar('\n');
    return fflush(stdout);
}
