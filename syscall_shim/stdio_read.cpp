// SPDX-License-Identifier: Apache-2.0
// stdio family: reading. Each function is a loop over the FILE's buffer that parks where libc's would block.
//
// The pattern of every function of this family: off a Rondo thread, libc; on one, the stream's lock, then our loop if
// the stream parks, else libc's unlocked twin, which must not be called with libc's lock free because another thread of
// this worker may hold ours.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "stdio_lock.h"
#include "stdio_stream.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(fgets);
RONDO_REAL(fgets_unlocked);
RONDO_REAL(fgetc);
RONDO_REAL(fgetc_unlocked);
RONDO_REAL(fread);
RONDO_REAL(fread_unlocked);
RONDO_REAL(getdelim);
RONDO_REGISTERED constinit Real<int(FILE*)> real_uflow("__uflow");
RONDO_REGISTERED constinit Real<int(FILE*)> real_underflow("__underflow");

constexpr size_t kFirstLineSize = 120;

// Copies what is buffered up to and including the delimiter; true if that was among it.
bool take_until(FILE* stream, char* to, size_t most, int delimiter, size_t* taken) {
    size_t count = std::min(most, static_cast<size_t>(stream->_IO_read_end - stream->_IO_read_ptr));
    void* end = memchr(stream->_IO_read_ptr, delimiter, count);
    if (end != nullptr) count = static_cast<size_t>(static_cast<char*>(end) - stream->_IO_read_ptr) + 1;
    memcpy(to, stream->_IO_read_ptr, count);
    stream->_IO_read_ptr += count;
    *taken += count;
    return end != nullptr;
}

char* get_line(FILE* stream, char* to, int size) {
    if (size <= 0) return nullptr;
    int old_error = stream->_flags & kErrorSeen;
    stream->_flags &= ~kErrorSeen;
    size_t room = static_cast<size_t>(size) - 1, taken = 0;
    while (taken < room && fill(stream) != EOF) {
        if (take_until(stream, to + taken, room - taken, '\n', &taken)) break;
    }
    bool failed = has(stream, kErrorSeen) && errno != EAGAIN;
    stream->_flags |= old_error;
    if (failed || (taken == 0 && room != 0)) return nullptr;
    to[taken] = '\0';
    return to;
}

bool make_room(char** line, size_t* size, size_t needed) {
    if (*line != nullptr && *size >= needed) return true;
    size_t wanted = std::max({needed, *line == nullptr ? 0 : 2 * *size, kFirstLineSize});
    void* grown = realloc(*line, wanted);
    if (grown == nullptr) return false;
    *line = static_cast<char*>(grown);
    *size = wanted;
    return true;
}

ssize_t get_delimited(FILE* stream, char** line, size_t* size, int delimiter) {
    size_t taken = 0;
    bool complete = false;
    while (!complete && fill(stream) != EOF) {
        auto available = static_cast<size_t>(stream->_IO_read_end - stream->_IO_read_ptr);
        if (available >= SSIZE_MAX - taken) {
            errno = EOVERFLOW;
            return -1;
        }
        if (!make_room(line, size, taken + available + 1)) return -1;
        complete = take_until(stream, *line + taken, available, delimiter, &taken);
    }
    if (taken == 0) return -1;
    (*line)[taken] = '\0';
    return static_cast<ssize_t>(taken);
}

size_t get_items(FILE* stream, void* to, size_t size, size_t count) {
    size_t bytes;
    if (size == 0 || count == 0) return 0;
    if (__builtin_mul_overflow(size, count, &bytes)) bytes = SIZE_MAX;
    size_t taken = get_bytes(stream, static_cast<char*>(to), bytes);
    return taken == bytes ? count : taken / size;
}

char* read_line_unlocked(char* to, int size, FILE* stream) {
    if (!on_thread() || !parks(stream)) return real_fgets_unlocked(to, size, stream);
    return get_line(stream, to, size);
}

char* read_line(char* to, int size, FILE* stream) {
    if (!on_thread()) return real_fgets(to, size, stream);
    StreamLock lock(stream);
    return read_line_unlocked(to, size, stream);
}

int read_character_unlocked(FILE* stream) {
    if (stream->_IO_read_ptr < stream->_IO_read_end) return static_cast<unsigned char>(*stream->_IO_read_ptr++);
    if (!on_thread() || !parks(stream)) return real_fgetc_unlocked(stream);
    return get_character(stream);
}

int read_character(FILE* stream) {
    if (!on_thread()) return real_fgetc(stream);
    StreamLock lock(stream);
    return read_character_unlocked(stream);
}

size_t read_items_unlocked(void* to, size_t size, size_t count, FILE* stream) {
    if (!on_thread() || !parks(stream)) return real_fread_unlocked(to, size, count, stream);
    return get_items(stream, to, size, count);
}

size_t read_items(void* to, size_t size, size_t count, FILE* stream) {
    if (!on_thread()) return real_fread(to, size, count, stream);
    StreamLock lock(stream);
    return read_items_unlocked(to, size, count, stream);
}

ssize_t read_delimited(char** line, size_t* size, int delimiter, FILE* stream) {
    if (!on_thread()) return real_getdelim(line, size, delimiter, stream);
    if (line == nullptr || size == nullptr) {
        errno = EINVAL;
        return -1;
    }
    StreamLock lock(stream);
    if (parks(stream)) return get_delimited(stream, line, size, delimiter);
    LentLock lent(stream);
    return real_getdelim(line, size, delimiter, stream);
}

}  // namespace

RONDO_EXPORT(char*, fgets, (char* to, int size, FILE* stream)) { return read_line(to, size, stream); }
RONDO_ALIAS(_IO_fgets, fgets);

RONDO_EXPORT(char*, fgets_unlocked, (char* to, int size, FILE* stream)) { return read_line_unlocked(to, size, stream); }

RONDO_EXPORT_UNDECLARED(char*, __fgets_chk, (char* to, size_t room, int size, FILE* stream)) {
    if (size > 0 && static_cast<size_t>(size) > room) __chk_fail();
    return read_line(to, size, stream);
}

RONDO_EXPORT_UNDECLARED(char*, __fgets_unlocked_chk, (char* to, size_t room, int size, FILE* stream)) {
    if (size > 0 && static_cast<size_t>(size) > room) __chk_fail();
    return read_line_unlocked(to, size, stream);
}

RONDO_EXPORT(int, fgetc, (FILE * stream)) { return read_character(stream); }
RONDO_ALIAS(getc, fgetc);
RONDO_ALIAS(_IO_getc, fgetc);

RONDO_EXPORT(int, fgetc_unlocked, (FILE * stream)) { return read_character_unlocked(stream); }

RONDO_EXPORT(int, getc_unlocked, (FILE * stream)) { return read_character_unlocked(stream); }

RONDO_EXPORT(int, getchar, ()) { return read_character(stdin); }

RONDO_EXPORT(int, getchar_unlocked, ()) { return read_character_unlocked(stdin); }

RONDO_EXPORT_UNDECLARED(int, __uflow, (FILE * stream)) {
    return on_thread() && parks(stream) ? get_character(stream) : real_uflow(stream);
}

RONDO_EXPORT_UNDECLARED(int, __underflow, (FILE * stream)) {
    if (!on_thread() || !parks(stream)) return real_underflow(stream);
    return fill(stream) == EOF ? EOF : static_cast<unsigned char>(*stream->_IO_read_ptr);
}

RONDO_EXPORT(size_t, fread, (void* to, size_t size, size_t count, FILE* stream)) {
    return read_items(to, size, count, stream);
}
RONDO_ALIAS(_IO_fread, fread);

RONDO_EXPORT(size_t, fread_unlocked, (void* to, size_t size, size_t count, FILE* stream)) {
    return read_items_unlocked(to, size, count, stream);
}

RONDO_EXPORT_UNDECLARED(size_t, __fread_chk, (void* to, size_t room, size_t size, size_t count, FILE* stream)) {
    if (size != 0 && count > room / size) __chk_fail();
    return read_items(to, size, count, stream);
}

RONDO_EXPORT_UNDECLARED(size_t, __fread_unlocked_chk,
                        (void* to, size_t room, size_t size, size_t count, FILE* stream)) {
    if (size != 0 && count > room / size) __chk_fail();
    return read_items_unlocked(to, size, count, stream);
}

RONDO_EXPORT(ssize_t, getdelim, (char** line, size_t* size, int delimiter, FILE* stream)) {
    return read_delimited(line, size, delimiter, stream);
}
RONDO_ALIAS(__getdelim, getdelim);

RONDO_EXPORT(ssize_t, getline, (char** line, size_t* size, FILE* stream)) {
    return read_delimited(line, size, '\n', stream);
}
