// SPDX-License-Identifier: Apache-2.0
// stdio family: formatted output.
//
// For a stream or descriptor that can wait, the text is formatted whole by vsnprintf, on the stack if it is short and
// else in memory that a cancellation frees, and then written by the calls that park; libc's own printf would write from
// inside libc. A text that does not fit an int fails with EOVERFLOW, as libc's does. The fortified forms pass their
// flag on, so that %n in writable memory is still caught.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "export.h"
#include "guard.h"
#include "real.h"
#include "stdio_lock.h"
#include "stdio_stream.h"

extern "C" int __vsnprintf_chk(char* to, size_t size, int flag, size_t room, const char* format, va_list arguments);

namespace {

using namespace rondo::shim;

RONDO_REGISTERED constinit Real<int(FILE*, const char*, va_list)> real_vfprintf("vfprintf");
RONDO_REGISTERED constinit Real<int(FILE*, int, const char*, va_list)> real_vfprintf_chk("__vfprintf_chk");
RONDO_REGISTERED constinit Real<int(int, const char*, va_list)> real_vdprintf("vdprintf");
RONDO_REGISTERED constinit Real<int(int, int, const char*, va_list)> real_vdprintf_chk("__vdprintf_chk");

constexpr size_t kShortText = 512;

int format_into(char* to, size_t size, int flag, const char* format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    int length = __vsnprintf_chk(to, size, flag, size, format, copy);
    va_end(copy);
    return length;
}

// A formatted text. Its length is negative if there is none: errno says why.
class Text {
   public:
    Text(int flag, const char* format, va_list arguments) {
        length_ = format_into(short_, kShortText, flag, format, arguments);
        if (length_ < static_cast<int>(kShortText)) return;
        size_t size = static_cast<size_t>(length_) + 1;
        long_ = static_cast<char*>(malloc(size));
        length_ = long_ == nullptr ? -1 : format_into(long_, size, flag, format, arguments);
        if (long_ != nullptr) rondo_cleanup_push(&frame_, free, long_);
    }
    ~Text() {
        if (long_ != nullptr) rondo_cleanup_pop(&frame_, 1);
    }
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;

    int length() const { return length_; }
    const char* data() const { return long_ != nullptr ? long_ : short_; }

   private:
    char short_[kShortText];
    char* long_ = nullptr;
    int length_;
    rondo_cleanup frame_;
};

int print_in_libc(FILE* stream, int flag, const char* format, va_list arguments) {
    return flag > 0 ? real_vfprintf_chk.get()(stream, flag, format, arguments)
                    : real_vfprintf.get()(stream, format, arguments);
}

int print(FILE* stream, int flag, const char* format, va_list arguments) {
    if (!on_thread()) return print_in_libc(stream, flag, format, arguments);
    StreamLock lock(stream);
    if (!parks(stream)) {
        LentLock lent(stream);
        return print_in_libc(stream, flag, format, arguments);
    }
    Text text(flag, format, arguments);
    if (text.length() < 0) return -1;
    auto length = static_cast<size_t>(text.length());
    return put_bytes(stream, text.data(), length) == length ? text.length() : -1;
}

int print_to_descriptor(int fd, int flag, const char* format, va_list arguments) {
    if (!on_thread()) {
        return flag > 0 ? real_vdprintf_chk.get()(fd, flag, format, arguments)
                        : real_vdprintf.get()(fd, format, arguments);
    }
    Text text(flag, format, arguments);
    for (int written = 0; written < text.length();) {
        ssize_t moved = rondo_write(fd, text.data() + written, static_cast<size_t>(text.length() - written));
        if (moved < 0) return -1;
        written += static_cast<int>(moved);
    }
    return text.length();
}

}  // namespace

RONDO_EXPORT_UNDECLARED(int, vfprintf, (FILE * stream, const char* format, va_list arguments)) {
    return print(stream, 0, format, arguments);
}
RONDO_ALIAS(_IO_vfprintf, vfprintf);

RONDO_EXPORT_UNDECLARED(int, vprintf, (const char* format, va_list arguments)) {
    return print(stdout, 0, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, fprintf, (FILE * stream, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print(stream, 0, format, arguments);
    va_end(arguments);
    return result;
}
RONDO_ALIAS(_IO_fprintf, fprintf);

RONDO_EXPORT_UNDECLARED(int, printf, (const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print(stdout, 0, format, arguments);
    va_end(arguments);
    return result;
}
RONDO_ALIAS(_IO_printf, printf);

RONDO_EXPORT_UNDECLARED(int, __vfprintf_chk, (FILE * stream, int flag, const char* format, va_list arguments)) {
    return print(stream, flag, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, __vprintf_chk, (int flag, const char* format, va_list arguments)) {
    return print(stdout, flag, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, __fprintf_chk, (FILE * stream, int flag, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print(stream, flag, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, __printf_chk, (int flag, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print(stdout, flag, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, vdprintf, (int fd, const char* format, va_list arguments)) {
    return print_to_descriptor(fd, 0, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, dprintf, (int fd, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print_to_descriptor(fd, 0, format, arguments);
    va_end(arguments);
    return result;
}

RONDO_EXPORT_UNDECLARED(int, __vdprintf_chk, (int fd, int flag, const char* format, va_list arguments)) {
    return print_to_descriptor(fd, flag, format, arguments);
}

RONDO_EXPORT_UNDECLARED(int, __dprintf_chk, (int fd, int flag, const char* format, ...)) {
    va_list arguments;
    va_start(arguments, format);
    int result = print_to_descriptor(fd, flag, format, arguments);
    va_end(arguments);
    return result;
}
