// SPDX-License-Identifier: Apache-2.0
//
// Answers stand in a hash table that never changes after the start but for the date in each head, written in place once
// a second: cheaper than a second piece in every send. What is still unsent of a head must therefore be copied by
// whoever keeps it. A request costs one search for the empty line, one pass over the lines by memchr and one look-up.
#include "http_answers.h"

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

enum { kSlots = 4096, kMostFiles = kSlots / 2, kDateLength = 29, kHeadSpace = 512 };

struct file {
    char* path;
    size_t path_length;
    struct answer answer;
};

static struct file files[kMostFiles];
static size_t file_count;
static struct file* slots[kSlots];
static struct answer not_found, not_allowed, bad_request;
static struct answer* const errors[] = {&not_found, &not_allowed, &bad_request};
static size_t root_length;

_Noreturn static void refuse(const char* what, const char* why) {
    fprintf(stderr, "http_epoll: %s: %s\n", what, why);
    exit(1);
}

static const char* content_type(const char* path) {
    static const char* const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".txt", "text/plain; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"}};
    const char* suffix = strrchr(path, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof types / sizeof *types; ++i) {
        if (strcmp(suffix, types[i][0]) == 0) return types[i][1];
    }
    return "application/octet-stream";
}

// `fields` are whole lines. The date stands at the head's end, so that its place is found from there.
static void build(struct answer* answer, const char* status, const char* fields, const char* body, size_t body_length) {
    answer->bytes = malloc(kHeadSpace + body_length);
    if (answer->bytes == NULL) refuse("answer", "no memory");
    const int head = snprintf(answer->bytes, kHeadSpace, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\nDate: %*s\r\n\r\n",
                              status, fields, body_length, kDateLength, "");
    if (head <= 0 || head >= kHeadSpace) refuse("answer", "the head is too long");
    memcpy(answer->bytes + head, body, body_length);
    answer->head_length = (size_t)head;
    answer->length = answer->head_length + body_length;
}

static uint32_t hash(const char* bytes, size_t length) {
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < length; ++i) value = (value ^ (unsigned char)bytes[i]) * 16777619u;
    return value;
}

static struct file** slot_of(const char* path, size_t length) {
    uint32_t at = hash(path, length) % kSlots;
    while (slots[at] != NULL && (slots[at]->path_length != length || memcmp(slots[at]->path, path, length) != 0)) {
        at = (at + 1) % kSlots;
    }
    return &slots[at];
}

static void insert(const char* path, const struct answer* answer) {
    if (file_count == kMostFiles) refuse(path, "too many files");
    struct file* file = &files[file_count++];
    *file = (struct file){.path = strdup(path), .path_length = strlen(path), .answer = *answer};
    *slot_of(file->path, file->path_length) = file;
}

static int load_file(const char* path, const struct stat* info, int kind, struct FTW* where) {
    (void)where;
    if (kind != FTW_F) return 0;
    const size_t length = (size_t)info->st_size;
    char* body = malloc(length + 1);
    FILE* file = fopen(path, "rb");
    if (file == NULL || body == NULL || fread(body, 1, length, file) != length) refuse(path, "cannot be read");
    fclose(file);
    char modified[64], fields[kHeadSpace];
    struct tm at;
    strftime(modified, sizeof modified, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&info->st_mtime, &at));
    snprintf(fields, sizeof fields,
             "Content-Type: %s\r\nLast-Modified: %s\r\nETag: \"%lx-%lx\"\r\nAccept-Ranges: bytes\r\n",
             content_type(path), modified, (unsigned long)info->st_mtime, (unsigned long)info->st_size);
    struct answer answer;
    build(&answer, "200 OK", fields, body, length);
    free(body);
    insert(path + root_length, &answer);
    if (strcmp(path + root_length, "/index.html") == 0) insert("/", &answer);
    return 0;
}

void answers_load(const char* folder) {
    root_length = strlen(folder);
    while (root_length > 0 && folder[root_length - 1] == '/') --root_length;
    char* root = strndup(folder, root_length);
    if (root == NULL || nftw(root, load_file, 16, FTW_PHYS) != 0) refuse(folder, "cannot be read");
    free(root);
    build(&not_found, "404 Not Found", "Content-Type: text/plain\r\n", "not found\n", 10);
    build(&not_allowed, "405 Method Not Allowed", "Allow: GET, HEAD\r\nContent-Type: text/plain\r\n", "GET or HEAD\n",
          12);
    build(&bad_request, "400 Bad Request", "Connection: close\r\nContent-Type: text/plain\r\n", "bad request\n", 12);
    answers_refresh();
}

static void set_date(struct answer* answer, const char* date) {
    memcpy(answer->bytes + answer->head_length - kDateLength - 4, date, kDateLength);
}

void answers_refresh(void) {
    static time_t shown;
    const time_t now = time(NULL);
    if (now == shown) return;
    shown = now;
    char date[kDateLength + 1];
    struct tm at;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &at));
    for (size_t i = 0; i < file_count; ++i) set_date(&files[i].answer, date);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; ++i) set_date(errors[i], date);
}

static bool begins(const char* at, const char* end, const char* with, size_t length) {
    return (size_t)(end - at) >= length && strncasecmp(at, with, length) == 0;
}

static bool is_close(const char* value, const char* end) {
    while (value < end) {
        while (value < end && (*value == ' ' || *value == '\t' || *value == ',')) ++value;
        if (begins(value, end, "close", 5)) return true;
        while (value < end && *value != ',') ++value;
    }
    return false;
}

// One header line without its end. False: refused. A body is refused, for nothing here takes one.
static bool read_field(const char* at, const char* end, struct request* request) {
    const char* colon = memchr(at, ':', (size_t)(end - at));
    if (colon == NULL || colon == at || colon[-1] == ' ' || *at == ' ' || *at == '\t') return false;
    if ((*at | 0x20) == 't') return !begins(at, colon, "transfer-encoding", 17);
    if ((*at | 0x20) != 'c') return true;
    if (begins(at, colon, "content-length", 14)) return false;
    if (begins(at, colon, "connection", 10) && is_close(colon + 1, end)) request->last = true;
    return true;
}

// "GET /path HTTP/1.1", without its end.
static bool read_line(const char* at, const char* end, struct request* request) {
    const char* blank = memchr(at, ' ', (size_t)(end - at));
    if (blank == NULL || end - blank < 11 || end[-9] != ' ' || memcmp(end - 8, "HTTP/1.", 7) != 0) return false;
    if (end[-1] != '1' && end[-1] != '0') return false;
    request->last = end[-1] == '0';
    const char *path = blank + 1, *path_end = end - 9;
    if (*path != '/' || memchr(path, ' ', (size_t)(path_end - path)) != NULL) return false;
    const char* query = memchr(path, '?', (size_t)(path_end - path));
    const struct file* file = *slot_of(path, (size_t)((query != NULL ? query : path_end) - path));
    request->answer = file != NULL ? &file->answer : &not_found;
    request->head = blank - at == 4 && memcmp(at, "HEAD", 4) == 0;
    if (!request->head && (blank - at != 3 || memcmp(at, "GET", 3) != 0)) request->answer = &not_allowed;
    return true;
}

static bool read_head(const char* at, const char* end, struct request* request) {
    bool first = true;
    while (at < end) {
        const char* line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL || line_end == at || line_end[-1] != '\r') return false;
        if (!(first ? read_line : read_field)(at, line_end - 1, request)) return false;
        first = false;
        at = line_end + 1;
    }
    return !first;
}

bool request_read(const char* bytes, size_t length, struct request* request) {
    const char* end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL && length < kMostHead) return false;
    *request = (struct request){.length = end == NULL ? length : (size_t)(end + 4 - bytes)};
    if (end == NULL || request->length > kMostHead || !read_head(bytes, end + 2, request)) {
        *request = (struct request){.length = length, .answer = &bad_request, .last = true};
    }
    return true;
}
