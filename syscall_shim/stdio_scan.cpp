// SPDX-License-Identifier: Apache-2.0
// stdio family: scanning.
//
// What a format means stays libc's business. For a stream that can wait, libc scans a stand-in: an unbuffered stream
// whose characters are asked of us one at a time, so that each may park, and which takes no lock. How far the scan
// looks ahead is libc's business too; what it put back into the stand-in is put back into the stream. It lies there
// still, for nothing is read between that character and the end of the scan.
//
// A thread cancelled while it waits here unwinds through libc's frames; the stand-in is closed on the way.
//
// Rejected: waiting for some input before libc scans the stream itself. White space before a number is input enough
// not to wait, and then libc's read blocks the worker. Reading lines ahead: the input of a terminal or a peer need not
// have any.
#include <stdarg.h>
#include <stdio.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "stdio_lock.h"
#include "stdio_stream.h"

namespace {

using namespace rondo::shim;
using ScanCall = int(FILE*, const char*, va_list);

RONDO_REAL(fclose);
RONDO_REAL(fgetc_unlocked);
RONDO_REGISTERED constinit Real<ScanCall> real_vfscanf("vfscanf");
RONDO_REGISTERED constinit Real<ScanCall> real_isoc99_vfscanf("__isoc99_vfscanf");

class StandIn {
   public:
    explicit StandIn(FILE* stream) : stream_(stream), file_(fopencookie(this, "r", {read, nullptr, nullptr, nullptr})) {
        if (file_ == nullptr) return;
        file_->_flags |= kUnbuffered | _IO_USER_LOCK;
        rondo_cleanup_push(&frame_, close, file_);
    }
    ~StandIn() {
        if (file_ == nullptr) return;
        put_back();
        rondo_cleanup_pop(&frame_, 1);
    }
    StandIn(const StandIn&) = delete;
    StandIn& operator=(const StandIn&) = delete;

    FILE* file() const { return file_; }

   private:
    static ssize_t read(void* self, char* to, size_t room);
    static void close(void* file) { real_fclose(static_cast<FILE*>(file)); }

    void put_back() {
        scanned_ = true;
        while (real_fgetc_unlocked(file_) != EOF) --stream_->_IO_read_ptr;
    }

    FILE* stream_;
    FILE* file_;
    bool scanned_ = false;
    rondo_cleanup frame_;
};

ssize_t StandIn::read(void* self, char* to, size_t room) {
    auto* stand_in = static_cast<StandIn*>(self);
    if (stand_in->scanned_ || room == 0) return 0;
    int character = get_character(stand_in->stream_);
    if (character == EOF) return has(stand_in->stream_, kErrorSeen) ? -1 : 0;
    *to = static_cast<char>(character);
    return 1;
}

int scan(Real<ScanCall>& real, FILE* stream, const char* format, va_list arguments) {
    if (!on_thread()) return real.get()(stream, format, arguments);
    StreamLock lock(stream);
    if (!parks(stream)) {
        LentLock lent(stream);
        return real.get()(stream, format, arguments);
    }
    StandIn stand_in(stream);
    return stand_in.file() == nullptr ? EOF : real.get()(stand_in.file(), format, arguments);
}

}  // namespace

RONDO_EXPORT_UNDECLARED(int, vfscanf, (FILE * stream, const char* format, va_list arguments)) {
    return scan(real_vfscanf, stream, format, arguments);
}
RONDO_ALIAS(__vfscanf, vfscanf);

RONDO_EXPORT_UNDECLARED(int, vscanf, (const char* format, va_list arguments)) {
    return scan(real_vfscanf, stdin, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, fscanf, (FILE * stream, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = scan(real_vfscanf, stream, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, scanf, (const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = scan(real_vfscanf, stdin, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, __isoc99_vfscanf, (FILE * stream, const char* format, va_list arguments)) {
    return scan(real_isoc99_vfscanf, stream, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, __isoc99_vscanf, (const char* format, va_list arguments)) {
    return scan(real_isoc99_vfscanf, stdin, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, __isoc99_fscanf, (FILE * stream, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = scan(real_isoc99_vfscanf, stream, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, __isoc99_scanf, (const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = scan(real_isoc99_vfscanf, stdin, format, arguments);
    va_end(arguments);
    return result;
}
