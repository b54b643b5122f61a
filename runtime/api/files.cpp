// SPDX-License-Identifier: Apache-2.0
//
// Files: the C façade. On a thread of the runtime a call goes to the io floor; on any other kernel thread it is the
// plain system call, and only the birth of a descriptor is noted.

#include <fcntl.h>

#include <cerrno>

#include "runtime/api/result.h"
#include "runtime/core/cancel.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/fd_ops.h"
#include "runtime/io/file_ops.h"
#include "runtime/io/io_ops.h"
#include "runtime/io/path_ops.h"
#include "runtime/io/transfer_ops.h"

using namespace rondo;

namespace {

// A negative offset is an error of pread, and the descriptor's own offset for preadv2.
long move_at(bool reads, int fd, const iovec* vector, int count, off_t offset) {
    if (offset < 0) {
        return -EINVAL;
    }
    return reads ? io_preadv(fd, vector, count, {offset, 0}) : io_pwritev(fd, vector, count, {offset, 0});
}

long sync_file(long number, int fd) {
    cancellation_point();
    return on_fiber() ? call_on_file(number, fd) : plain(number, fd);
}

}  // namespace

extern "C" {

int rondo_open(const char* path, int flags, mode_t mode) { return as_int(io_openat(AT_FDCWD, path, flags, mode)); }

int rondo_openat(int directory, const char* path, int flags, mode_t mode) {
    return as_int(io_openat(directory, path, flags, mode));
}

ssize_t rondo_pread(int fd, void* buffer, size_t length, off_t offset) {
    iovec vector{buffer, length};
    return to_errno(on_fiber() ? move_at(true, fd, &vector, 1, offset)
                               : plain(SYS_pread64, fd, sys::to_arg(buffer), length, offset));
}

ssize_t rondo_pwrite(int fd, const void* buffer, size_t length, off_t offset) {
    iovec vector{const_cast<void*>(buffer), length};
    return to_errno(on_fiber() ? move_at(false, fd, &vector, 1, offset)
                               : plain(SYS_pwrite64, fd, sys::to_arg(buffer), length, offset));
}

ssize_t rondo_preadv(int fd, const struct iovec* vector, int count, off_t offset) {
    return to_errno(on_fiber() ? move_at(true, fd, vector, count, offset)
                               : plain(SYS_preadv, fd, sys::to_arg(vector), count, offset, 0));
}

ssize_t rondo_pwritev(int fd, const struct iovec* vector, int count, off_t offset) {
    return to_errno(on_fiber() ? move_at(false, fd, vector, count, offset)
                               : plain(SYS_pwritev, fd, sys::to_arg(vector), count, offset, 0));
}

ssize_t rondo_preadv2(int fd, const struct iovec* vector, int count, off_t offset, int flags) {
    return to_errno(on_fiber() ? io_preadv(fd, vector, count, {offset, flags})
                               : plain(SYS_preadv2, fd, sys::to_arg(vector), count, offset, 0, flags));
}

ssize_t rondo_pwritev2(int fd, const struct iovec* vector, int count, off_t offset, int flags) {
    return to_errno(on_fiber() ? io_pwritev(fd, vector, count, {offset, flags})
                               : plain(SYS_pwritev2, fd, sys::to_arg(vector), count, offset, 0, flags));
}

int rondo_fsync(int fd) { return as_int(sync_file(SYS_fsync, fd)); }

int rondo_fdatasync(int fd) { return as_int(sync_file(SYS_fdatasync, fd)); }

// Not a cancellation point, in libc neither.
ssize_t rondo_sendfile(int out, int in, off_t* offset, size_t count) {
    if (!on_fiber()) {
        return to_errno(plain(SYS_sendfile, out, in, sys::to_arg(offset), count));
    }
    int state = 0;
    rondo_setcancelstate(RONDO_CANCEL_DISABLE, &state);
    long result = io_sendfile(out, in, offset, count);
    rondo_setcancelstate(state, &state);
    return to_errno(result);
}

ssize_t rondo_splice(int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags) {
    return to_errno(on_fiber()
                        ? io_splice(in, in_offset, out, out_offset, length, flags)
                        : plain(SYS_splice, in, sys::to_arg(in_offset), out, sys::to_arg(out_offset), length, flags));
}

ssize_t rondo_tee(int in, int out, size_t length, unsigned flags) {
    return to_errno(on_fiber() ? io_tee(in, out, length, flags) : plain(SYS_tee, in, out, length, flags));
}

ssize_t rondo_vmsplice(int pipe, const struct iovec* vector, size_t count, unsigned flags) {
    return to_errno(on_fiber() ? io_vmsplice(pipe, vector, count, flags)
                               : plain(SYS_vmsplice, pipe, sys::to_arg(vector), count, flags));
}

int rondo_path_waits(int directory, const char* path, int follow) {
    return path_waits(directory, path, follow != 0) ? 1 : 0;
}

int rondo_fd_remote(int fd) { return as_int(fd_remote(fd)); }

int rondo_fd_opened(int fd) {
    if (fd >= 0) {
        note_opened(fd);
    }
    return fd;
}

}  // extern "C"
