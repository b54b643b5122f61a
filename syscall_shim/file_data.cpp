// SPDX-License-Identifier: Apache-2.0
// file family: what is in files. Reading and writing at an offset, moving bytes inside the kernel, bringing a file to
// the disk, changing its size.
//
// On a Rondo thread, what the page cache can do is done at once; the rest runs on a kernel thread. sendfile and splice
// park where their socket or pipe must be waited for.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "export.h"
#include "offloaded.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(copy_file_range);
RONDO_REAL(fallocate);
RONDO_REAL(fdatasync);
RONDO_REAL(fsync);
RONDO_REAL(ftruncate);
RONDO_REAL(msync);
RONDO_REAL(posix_fallocate);
RONDO_REAL(pread);
RONDO_REAL(preadv);
RONDO_REAL(preadv2);
RONDO_REAL(pwrite);
RONDO_REAL(pwritev);
RONDO_REAL(pwritev2);
RONDO_REAL(sendfile);
RONDO_REAL(splice);
RONDO_REAL(sync);
RONDO_REAL(sync_file_range);
RONDO_REAL(syncfs);
RONDO_REAL(tee);
RONDO_REAL(vmsplice);

// offloaded() wants a result.
int sync_all() {
    real_sync();
    return 0;
}

}  // namespace

RONDO_EXPORT(ssize_t, pread, (int fd, void* buffer, size_t length, off_t offset)) {
    return on_thread() ? rondo_pread(fd, buffer, length, offset) : real_pread(fd, buffer, length, offset);
}
RONDO_ALIAS(__libc_pread, pread);
RONDO_ALIAS(__pread64, pread);
RONDO_ALIAS(pread64, pread);

RONDO_EXPORT_UNDECLARED(ssize_t, __pread_chk, (int fd, void* buffer, size_t length, off_t offset, size_t room)) {
    if (length > room) __chk_fail();
    return on_thread() ? rondo_pread(fd, buffer, length, offset) : real_pread(fd, buffer, length, offset);
}
RONDO_ALIAS(__pread64_chk, __pread_chk);

RONDO_EXPORT(ssize_t, pwrite, (int fd, const void* buffer, size_t length, off_t offset)) {
    return on_thread() ? rondo_pwrite(fd, buffer, length, offset) : real_pwrite(fd, buffer, length, offset);
}
RONDO_ALIAS(__libc_pwrite, pwrite);
RONDO_ALIAS(__pwrite64, pwrite);
RONDO_ALIAS(pwrite64, pwrite);

RONDO_EXPORT(ssize_t, preadv, (int fd, const iovec* vector, int count, off_t offset)) {
    return on_thread() ? rondo_preadv(fd, vector, count, offset) : real_preadv(fd, vector, count, offset);
}
RONDO_ALIAS(preadv64, preadv);

RONDO_EXPORT(ssize_t, pwritev, (int fd, const iovec* vector, int count, off_t offset)) {
    return on_thread() ? rondo_pwritev(fd, vector, count, offset) : real_pwritev(fd, vector, count, offset);
}
RONDO_ALIAS(pwritev64, pwritev);

RONDO_EXPORT(ssize_t, preadv2, (int fd, const iovec* vector, int count, off_t offset, int flags)) {
    return on_thread() ? rondo_preadv2(fd, vector, count, offset, flags)
                       : real_preadv2(fd, vector, count, offset, flags);
}
RONDO_ALIAS(preadv64v2, preadv2);

RONDO_EXPORT(ssize_t, pwritev2, (int fd, const iovec* vector, int count, off_t offset, int flags)) {
    return on_thread() ? rondo_pwritev2(fd, vector, count, offset, flags)
                       : real_pwritev2(fd, vector, count, offset, flags);
}
RONDO_ALIAS(pwritev64v2, pwritev2);

RONDO_EXPORT(ssize_t, sendfile, (int out, int in, off_t* offset, size_t count)) {
    return on_thread() ? rondo_sendfile(out, in, offset, count) : real_sendfile(out, in, offset, count);
}
RONDO_ALIAS(sendfile64, sendfile);

RONDO_EXPORT(ssize_t, splice, (int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags)) {
    return on_thread() ? rondo_splice(in, in_offset, out, out_offset, length, flags)
                       : real_splice(in, in_offset, out, out_offset, length, flags);
}

RONDO_EXPORT(ssize_t, tee, (int in, int out, size_t length, unsigned flags)) {
    return on_thread() ? rondo_tee(in, out, length, flags) : real_tee(in, out, length, flags);
}

RONDO_EXPORT(ssize_t, vmsplice, (int pipe, const iovec* vector, size_t count, unsigned flags)) {
    return on_thread() ? rondo_vmsplice(pipe, vector, count, flags) : real_vmsplice(pipe, vector, count, flags);
}

RONDO_EXPORT(ssize_t, copy_file_range,
             (int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags)) {
    rondo_testcancel();
    return offloaded(real_copy_file_range, in, in_offset, out, out_offset, length, flags);
}

RONDO_EXPORT(int, fsync, (int fd)) { return on_thread() ? rondo_fsync(fd) : real_fsync(fd); }

RONDO_EXPORT(int, fdatasync, (int fd)) { return on_thread() ? rondo_fdatasync(fd) : real_fdatasync(fd); }

RONDO_EXPORT(void, sync, ()) { offload_by(rondo_offload, sync_all); }

RONDO_EXPORT(int, syncfs, (int fd)) { return offloaded(real_syncfs, fd); }

RONDO_EXPORT(int, sync_file_range, (int fd, off_t offset, off_t length, unsigned flags)) {
    return offloaded(real_sync_file_range, fd, offset, length, flags);
}

RONDO_EXPORT(int, msync, (void* start, size_t length, int flags)) {
    rondo_testcancel();
    return offloaded(real_msync, start, length, flags);
}

RONDO_EXPORT(int, ftruncate, (int fd, off_t length)) { return offloaded(real_ftruncate, fd, length); }
RONDO_ALIAS(ftruncate64, ftruncate);

RONDO_EXPORT(int, fallocate, (int fd, int mode, off_t offset, off_t length)) {
    return offloaded(real_fallocate, fd, mode, offset, length);
}
RONDO_ALIAS(fallocate64, fallocate);

RONDO_EXPORT(int, posix_fallocate, (int fd, off_t offset, off_t length)) {
    return offloaded(real_posix_fallocate, fd, offset, length);
}
RONDO_ALIAS(posix_fallocate64, posix_fallocate);
