// SPDX-License-Identifier: Apache-2.0
// See stdio_stream.h. Each function follows its model in glibc's libio/fileops.c and genops.c step by step: the sticky
// end of file, the flush of a line-buffered stdout before an unbuffered read, the failure (ESPIPE) of a stream opened
// for both that turns to writing with unread input, the loss of pending output after a failed write.
//
// Setting up a buffer, leaving the put-back area and changing between reading and writing are libc's exported helpers.
// They write nothing when nothing is pending, so they are called only then.
#include "stdio_stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "guard.h"
#include "real.h"
#include "stdio_lock.h"

namespace rondo::shim {
namespace {

RONDO_REGISTERED constinit Real<int(FILE*, int)> real_overflow("__overflow");
RONDO_REGISTERED constinit Real<void(FILE*)> real_allocate_buffer("_IO_doallocbuf");
RONDO_REGISTERED constinit Real<int(FILE*)> real_switch_to_get_mode("_IO_switch_to_get_mode");
RONDO_REGISTERED constinit Real<void(FILE*)> real_free_backup_area("_IO_free_backup_area");
RONDO_REAL(fflush_unlocked);

// A block under this size is not worth a write of its own (libc's rule).
constexpr size_t kLeastDirectBlock = 128;

enum class Input { failed, buffered, none };

int fail(FILE* stream, int error) {
    stream->_flags |= kErrorSeen;
    errno = error;
    return EOF;
}

size_t buffer_size(const FILE* stream) { return static_cast<size_t>(stream->_IO_buf_end - stream->_IO_buf_base); }

void advance(FILE* stream, ssize_t count) {
    if (stream->_offset >= 0) stream->_offset += count;
}

void empty_get_area(FILE* stream) {
    stream->_IO_read_base = stream->_IO_read_ptr = stream->_IO_read_end = stream->_IO_buf_base;
}

void empty_put_area(FILE* stream) {
    stream->_IO_write_base = stream->_IO_write_ptr = stream->_IO_buf_base;
    bool char_by_char = has(stream, kLineBuffered | kUnbuffered);
    stream->_IO_write_end = char_by_char ? stream->_IO_buf_base : stream->_IO_buf_end;
}

size_t write_all(FILE* stream, const char* from, size_t count) {
    size_t written = 0;
    while (written < count) {
        ssize_t moved = rondo_write(stream->_fileno, from + written, count - written);
        if (moved < 0) {
            stream->_flags |= kErrorSeen;
            break;
        }
        written += static_cast<size_t>(moved);
        advance(stream, moved);
    }
    return written;
}

// Puts the stream into the state for writing: buffer allocated, put area set up.
int begin_writing(FILE* stream) {
    if (has(stream, kPutting) && stream->_IO_write_base != nullptr) return 0;
    return real_overflow(stream, EOF);
}

// Puts the stream into the state for reading, up to the read itself: either there is input now, or the buffer is empty.
Input begin_reading(FILE* stream) {
    if (stream->_mode == 0) stream->_mode = -1;
    if (stream->_IO_read_ptr < stream->_IO_read_end) return Input::buffered;
    if (has(stream, kEofSeen)) return Input::failed;
    if (has(stream, kNoReads)) {
        fail(stream, EBADF);
        return Input::failed;
    }
    if (has(stream, kPutting)) {
        if (drain(stream) == EOF || real_switch_to_get_mode(stream) == EOF) return Input::failed;
    }
    if (has(stream, kInBackup) || stream->_IO_save_base != nullptr) real_free_backup_area(stream);
    if (stream->_IO_read_ptr < stream->_IO_read_end) return Input::buffered;
    if (stream->_IO_buf_base == nullptr) real_allocate_buffer(stream);
    empty_get_area(stream);
    stream->_IO_write_base = stream->_IO_write_ptr = stream->_IO_write_end = stream->_IO_buf_base;
    return Input::none;
}

void flush_terminal_output(const FILE* reader) {
    if (!has(reader, kLineBuffered | kUnbuffered) || stdout == reader) return;
    StreamLock lock(stdout);
    bool line_buffered = (stdout->_flags & (kLinked | kNoWrites | kLineBuffered)) == (kLinked | kLineBuffered);
    if (line_buffered) flush_unlocked(stdout);
}

// One read; 0 at the end of file or on an error.
size_t read_some(FILE* stream, char* to, size_t room) {
    flush_terminal_output(stream);
    ssize_t moved = rondo_read(stream->_fileno, to, room);
    if (moved > 0) {
        advance(stream, moved);
        return static_cast<size_t>(moved);
    }
    stream->_flags |= moved == 0 ? kEofSeen : kErrorSeen;
    stream->_offset = -1;
    return 0;
}

size_t take_buffered(FILE* stream, char* to, size_t most) {
    size_t count = std::min(most, static_cast<size_t>(stream->_IO_read_end - stream->_IO_read_ptr));
    memcpy(to, stream->_IO_read_ptr, count);
    stream->_IO_read_ptr += count;
    return count;
}

// Writes whole blocks past the empty buffer, and buffers the rest. Returns how many bytes were taken.
size_t put_block(FILE* stream, const char* from, size_t count) {
    size_t put = 0;
    while (put < count) {
        if (stream->_IO_write_ptr == stream->_IO_buf_end && drain(stream) == EOF) return put;
        size_t left = count - put, size = buffer_size(stream);
        if (stream->_IO_write_ptr == stream->_IO_buf_base && left >= size) {
            size_t direct = size >= kLeastDirectBlock ? left - left % size : left;
            size_t written = write_all(stream, from + put, direct);
            put += written;
            if (written < direct) return put;
            continue;
        }
        size_t room = static_cast<size_t>(stream->_IO_buf_end - stream->_IO_write_ptr);
        size_t copied = std::min(left, room);
        memcpy(stream->_IO_write_ptr, from + put, copied);
        stream->_IO_write_ptr += copied;
        put += copied;
    }
    return put;
}

}  // namespace

bool parks(FILE* stream) {
    return has(stream, kFileBuffer) && stream->_mode <= 0 && stream->_fileno >= 0 &&
           (rondo_fd_waits(stream->_fileno) == 1 || rondo_fd_remote(stream->_fileno) == 1);
}

int drain(FILE* stream) {
    auto pending = static_cast<size_t>(stream->_IO_write_ptr - stream->_IO_write_base);
    if (pending == 0) return 0;
    if (has(stream, kAppending)) {
        stream->_offset = -1;
    } else if (stream->_IO_read_end != stream->_IO_write_base) {
        off_t place = lseek(stream->_fileno, stream->_IO_write_base - stream->_IO_read_end, SEEK_CUR);
        if (place < 0) return EOF;
        stream->_offset = place;
    }
    size_t written = write_all(stream, stream->_IO_write_base, pending);
    empty_get_area(stream);
    empty_put_area(stream);
    return written == pending ? 0 : EOF;
}

int fill(FILE* stream) {
    Input input = begin_reading(stream);
    if (input != Input::none) return input == Input::buffered ? 0 : EOF;
    stream->_IO_read_end += read_some(stream, stream->_IO_buf_base, buffer_size(stream));
    return stream->_IO_read_ptr < stream->_IO_read_end ? 0 : EOF;
}

int get_character(FILE* stream) {
    if (stream->_IO_read_ptr >= stream->_IO_read_end && fill(stream) == EOF) return EOF;
    return static_cast<unsigned char>(*stream->_IO_read_ptr++);
}

size_t get_bytes(FILE* stream, char* to, size_t count) {
    size_t taken = 0;
    while (taken < count) {
        Input input = begin_reading(stream);
        if (input == Input::failed) break;
        size_t left = count - taken;
        if (input == Input::none && left >= buffer_size(stream)) {
            size_t moved = read_some(stream, to + taken, left);
            if (moved == 0) break;
            taken += moved;
            continue;
        }
        if (input == Input::none && fill(stream) == EOF) break;
        taken += take_buffered(stream, to + taken, left);
    }
    return taken;
}

int put_character(FILE* stream, int character) {
    if (begin_writing(stream) == EOF) return EOF;
    if (stream->_IO_write_ptr == stream->_IO_buf_end && drain(stream) == EOF) return EOF;
    *stream->_IO_write_ptr++ = static_cast<char>(character);
    bool ends_line = has(stream, kLineBuffered) && character == '\n';
    if ((ends_line || has(stream, kUnbuffered)) && drain(stream) == EOF) return EOF;
    return static_cast<unsigned char>(character);
}

size_t put_bytes(FILE* stream, const char* from, size_t count) {
    if (count == 0 || begin_writing(stream) == EOF) return 0;
    if (has(stream, kUnbuffered)) return drain(stream) == EOF ? 0 : write_all(stream, from, count);
    const void* newline = has(stream, kLineBuffered) ? memrchr(from, '\n', count) : nullptr;
    size_t lines = newline == nullptr ? 0 : static_cast<size_t>(static_cast<const char*>(newline) - from) + 1;
    size_t put = put_block(stream, from, lines);
    if (put < lines || (lines != 0 && drain(stream) == EOF)) return put;
    return put + put_block(stream, from + lines, count - lines);
}

int flush_unlocked(FILE* stream) {
    bool has_place = rondo_fd_waits(stream->_fileno) == 0;
    if (!parks(stream) || (has_place && !has(stream, kPutting))) return real_fflush_unlocked(stream);
    return has(stream, kPutting) ? drain(stream) : 0;
}

}  // namespace rondo::shim
