// SPDX-License-Identifier: Apache-2.0
// stdio on a descriptor that can wait: filling and draining a FILE's buffer with calls that park.
//
// libc's stdio reads and writes inside libc, where no symbol can be interposed. But the buffer's pointers in struct
// _IO_FILE are public ABI (the getc and putc macros use them), so the two steps that touch the descriptor are done
// here, as libc's fileops do them, through rondo_read and rondo_write; all that only moves the pointers stays libc's.
// Which streams: those for which parks() holds. For any other the caller uses libc's own function.
//
// Every function here expects the stream's lock held (or an unlocked caller), a stream for which parks() holds, and a
// Rondo thread. EOF is returned for end of file and for errors, with the stream's flags set as libc sets them.
#ifndef RONDO_SHIM_STDIO_STREAM_H
#define RONDO_SHIM_STDIO_STREAM_H

#include <stdio.h>
#include <sys/types.h>

namespace rondo::shim {

// Bits of _flags and _flags2, as in libc's libioP.h; they have not changed since 1999.
enum StreamFlag : int {
    kUnbuffered = 0x0002,
    kNoReads = 0x0004,
    kNoWrites = 0x0008,
    kEofSeen = 0x0010,
    kErrorSeen = 0x0020,
    kLinked = 0x0080,
    kInBackup = 0x0100,
    kLineBuffered = 0x0200,
    kPutting = 0x0800,
    kAppending = 0x1000,
    kFileBuffer = 0x2000,
};
constexpr int kDoNotClose = 32;

inline bool has(const FILE* stream, int flags) { return (stream->_flags & flags) != 0; }

// Whether reading or writing the stream can wait for somebody else, be it the server that keeps the file, so that
// libc's functions would block the worker. False for streams of wide characters, in memory, or made by fopencookie:
// those are libc's.
bool parks(FILE* stream);

// Writes what is pending. 0 or EOF.
int drain(FILE* stream);
// Makes at least one character available to read. 0 or EOF.
int fill(FILE* stream);

int get_character(FILE* stream);
size_t get_bytes(FILE* stream, char* to, size_t count);
int put_character(FILE* stream, int character);
size_t put_bytes(FILE* stream, const char* from, size_t count);

// fclose of any stream.
int close_any_stream(FILE* stream);

// Drains any stream: through here if it parks, else through libc.
int flush_unlocked(FILE* stream);

}  // namespace rondo::shim

#endif
