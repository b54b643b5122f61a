// SPDX-License-Identifier: Apache-2.0
// stdio family: writing characters, strings and blocks. The pattern is that of stdio_read.cpp.
#include <string.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "stdio_lock.h"
#include "stdio_stream.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(fputc);
RONDO_REAL(fputc_unlocked);
RONDO_REAL(fputs);
RONDO_REAL(fputs_unlocked);
RONDO_REAL(fwrite);
RONDO_REAL(fwrite_unlocked);
RONDO_REAL(puts);
RONDO_REGISTERED constinit Real<int(FILE*, int)> real_overflow("__overflow");

int write_character_unlocked(int character, FILE* stream) {
    if (stream->_IO_write_ptr < stream->_IO_write_end) {
        *stream->_IO_write_ptr++ = static_cast<char>(character);
        return static_cast<unsigned char>(character);
    }
    if (!on_thread() || !parks(stream)) return real_fputc_unlocked(character, stream);
    return put_character(stream, character);
}

int write_character(int character, FILE* stream) {
    if (!on_thread()) return real_fputc(character, stream);
    StreamLock lock(stream);
    return write_character_unlocked(character, stream);
}

int write_string_unlocked(const char* text, FILE* stream) {
    if (!on_thread() || !parks(stream)) return real_fputs_unlocked(text, stream);
    size_t length = strlen(text);
    return put_bytes(stream, text, length) == length ? 1 : EOF;
}

int write_string(const char* text, FILE* stream) {
    if (!on_thread()) return real_fputs(text, stream);
    StreamLock lock(stream);
    return write_string_unlocked(text, stream);
}

int write_line(const char* text) {
    if (!on_thread()) return real_puts(text);
    StreamLock lock(stdout);
    bool written = write_string_unlocked(text, stdout) != EOF && write_character_unlocked('\n', stdout) != EOF;
    return written ? 1 : EOF;
}

size_t write_items_unlocked(const void* from, size_t size, size_t count, FILE* stream) {
    if (!on_thread() || !parks(stream)) return real_fwrite_unlocked(from, size, count, stream);
    size_t bytes = size * count;
    if (bytes == 0) return 0;
    size_t put = put_bytes(stream, static_cast<const char*>(from), bytes);
    return put == bytes ? count : put / size;
}

size_t write_items(const void* from, size_t size, size_t count, FILE* stream) {
    if (!on_thread()) return real_fwrite(from, size, count, stream);
    StreamLock lock(stream);
    return write_items_unlocked(from, size, count, stream);
}

}  // namespace

RONDO_EXPORT(int, fputc, (int character, FILE* stream)) { return write_character(character, stream); }

RONDO_EXPORT(int, putc, (int character, FILE* stream)) { return write_character(character, stream); }
RONDO_ALIAS(_IO_putc, putc);

RONDO_EXPORT(int, fputc_unlocked, (int character, FILE* stream)) { return write_character_unlocked(character, stream); }

RONDO_EXPORT(int, putc_unlocked, (int character, FILE* stream)) { return write_character_unlocked(character, stream); }

RONDO_EXPORT(int, putchar, (int character)) { return write_character(character, stdout); }

RONDO_EXPORT(int, putchar_unlocked, (int character)) { return write_character_unlocked(character, stdout); }

RONDO_EXPORT_UNDECLARED(int, __overflow, (FILE * stream, int character)) {
    if (!on_thread() || !parks(stream)) return real_overflow(stream, character);
    return character == EOF ? flush_unlocked(stream) : put_character(stream, character);
}

RONDO_EXPORT(int, fputs, (const char* text, FILE* stream)) { return write_string(text, stream); }
RONDO_ALIAS(_IO_fputs, fputs);

RONDO_EXPORT(int, fputs_unlocked, (const char* text, FILE* stream)) { return write_string_unlocked(text, stream); }

RONDO_EXPORT(int, puts, (const char* text)) { return write_line(text); }
RONDO_ALIAS(_IO_puts, puts);

RONDO_EXPORT(size_t, fwrite, (const void* from, size_t size, size_t count, FILE* stream)) {
    return write_items(from, size, count, stream);
}
RONDO_ALIAS(_IO_fwrite, fwrite);

RONDO_EXPORT(size_t, fwrite_unlocked, (const void* from, size_t size, size_t count, FILE* stream)) {
    return write_items_unlocked(from, size, count, stream);
}
