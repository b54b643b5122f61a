// SPDX-License-Identifier: Apache-2.0
//
// pipeline_pipes: the lines of stdin go through three threads that are joined by pipes: `grep -v '^#'`, `cat -n` and
// `rev` within one process. Lines longer than 4 KB are taken as several.
//
// Teaches: a pipe is a bounded queue that the kernel keeps, with the end built in: when the writer closes its end, the
// reader sees end of file. Each stage owns the two streams it was given and closes both; one forgotten close and the
// next stage waits for ever.
//
//     cc -pthread pipeline_pipes.c net.c -o pipeline_pipes && ./pipeline_pipes < pipeline_pipes.c

#include <unistd.h>

#include "check.h"

enum { kStages = 3, kLine = 4096 };

struct stage {
    void (*work)(FILE* in, FILE* out);
    FILE* in;
    FILE* out;
};

static void drop_comments(FILE* in, FILE* out) {
    char line[kLine];
    while (fgets(line, sizeof line, in) != NULL) {
        if (line[0] != '#') {
            fputs(line, out);
        }
    }
}

static void number_lines(FILE* in, FILE* out) {
    char line[kLine];
    for (long number = 1; fgets(line, sizeof line, in) != NULL; ++number) {
        fprintf(out, "%ld\t%s", number, line);
    }
}

static void turn_round(FILE* in, FILE* out) {
    char line[kLine];
    while (fgets(line, sizeof line, in) != NULL) {
        for (size_t i = strcspn(line, "\n"); i > 0; --i) {
            fputc(line[i - 1], out);
        }
        fputc('\n', out);
    }
}

static void* run_stage(void* argument) {
    struct stage* stage = argument;
    stage->work(stage->in, stage->out);
    if (ferror(stage->in) || fclose(stage->out) != 0) {
        fatal("a stage");
    }
    fclose(stage->in);
    return NULL;
}

static void make_pipe(FILE** write_end, FILE** read_end) {
    int ends[2];
    if (pipe(ends) != 0) {
        fatal("pipe");
    }
    *read_end = fdopen(ends[0], "r");
    *write_end = fdopen(ends[1], "w");
    if (*read_end == NULL || *write_end == NULL) {
        fatal("fdopen");
    }
}

int main(void) {
    struct stage stages[kStages] = {{.work = drop_comments}, {.work = number_lines}, {.work = turn_round}};
    pthread_t threads[kStages];
    stages[0].in = stdin;
    stages[kStages - 1].out = stdout;
    for (int i = 0; i + 1 < kStages; ++i) {
        make_pipe(&stages[i].out, &stages[i + 1].in);
    }
    for (int i = 0; i < kStages; ++i) {
        threads[i] = start_thread(run_stage, &stages[i]);
    }
    for (int i = 0; i < kStages; ++i) {
        join_thread(threads[i]);
    }
    return 0;
}
