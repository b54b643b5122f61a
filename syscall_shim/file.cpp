// SPDX-License-Identifier: Apache-2.0
// file family: reading, writing, closing, duplicating and controlling descriptors.
//
// Transfers go to the runtime on a Rondo thread. Whatever makes, frees or reconfigures a number goes there on every
// thread: close must wake the threads parked on the number before it can be used again,
// and fcntl must not show O_NONBLOCK that the program did not set. fcntl and ioctl take one optional word; reading it
// where none was passed is harmless, as in libc.
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(read);
RONDO_REAL(write);
RONDO_REAL(readv);
RONDO_REAL(writev);

ssize_t read_some(int fd, void* buffer, size_t length) {
    return on_thread() ? rondo_read(fd, buffer, length) : real_read(fd, buffer, length);
}

}  // namespace

RONDO_EXPORT(ssize_t, read, (int fd, void* buffer, size_t length)) { return read_some(fd, buffer, length); }
RONDO_ALIAS(__read, read);

RONDO_EXPORT_UNDECLARED(ssize_t, __read_chk, (int fd, void* buffer, size_t length, size_t room)) {
    if (length > room) __chk_fail();
    return read_some(fd, buffer, length);
}

RONDO_EXPORT(ssize_t, write, (int fd, const void* buffer, size_t length)) {
    return on_thread() ? rondo_write(fd, buffer, length) : real_write(fd, buffer, length);
}
RONDO_ALIAS(__write, write);

RONDO_EXPORT(ssize_t, readv, (int fd, const iovec* vector, int count)) {
    return on_thread() ? rondo_readv(fd, vector, count) : real_readv(fd, vector, count);
}

RONDO_EXPORT(ssize_t, writev, (int fd, const iovec* vector, int count)) {
    return on_thread() ? rondo_writev(fd, vector, count) : real_writev(fd, vector, count);
}

RONDO_EXPORT(int, close, (int fd)) { return rondo_close(fd); }
RONDO_ALIAS(__close, close);

RONDO_EXPORT(int, close_range, (unsigned first, unsigned last, int flags)) {
    return rondo_close_range(first, last, flags);
}

RONDO_EXPORT(void, closefrom, (int first)) { rondo_close_range(first > 0 ? static_cast<unsigned>(first) : 0, ~0U, 0); }

RONDO_EXPORT(int, dup, (int fd)) { return rondo_dup(fd); }

RONDO_EXPORT(int, dup2, (int fd, int to)) { return rondo_dup2(fd, to); }
RONDO_ALIAS(__dup2, dup2);

RONDO_EXPORT(int, dup3, (int fd, int to, int flags)) { return rondo_dup3(fd, to, flags); }

RONDO_EXPORT(int, pipe, (int* ends)) { return rondo_pipe(ends); }
RONDO_ALIAS(__pipe, pipe);

RONDO_EXPORT(int, pipe2, (int* ends, int flags)) { return rondo_pipe2(ends, flags); }

RONDO_EXPORT(int, fcntl, (int fd, int command, ...)) {
    va_list arguments;
    va_start(arguments, command);
    auto arg = va_arg(arguments, unsigned long);
    va_end(arguments);
    return rondo_fcntl(fd, command, arg);
}
RONDO_ALIAS(fcntl64, fcntl);
RONDO_ALIAS(__fcntl, fcntl);

RONDO_EXPORT(int, ioctl, (int fd, unsigned long request, ...)) {
    va_list arguments;
    va_start(arguments, request);
    auto* arg = va_arg(arguments, void*);
    va_end(arguments);
    return rondo_ioctl(fd, request, arg);
}
