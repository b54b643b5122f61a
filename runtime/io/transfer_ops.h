// SPDX-License-Identifier: Apache-2.0
//
// Moving bytes inside the kernel: sendfile, splice, tee, vmsplice. Only on a fiber; all but sendfile are
// cancellation points. Results are those of the system call, or -errno.
//
// None of these calls can be asked not to wait, except at a pipe (SPLICE_F_NONBLOCK). So a socket that is ours alone is
// made non-blocking, unseen (see hide_nonblocking), and waited for by readiness; for one that others share a kernel
// thread waits. A file that is not in the page cache is read by a thread of the files' pool: a sample of the pages
// tells.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

namespace rondo {

long io_sendfile(int out, int in, off_t* offset, size_t count);
long io_splice(int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags);
long io_tee(int in, int out, size_t length, unsigned flags);
long io_vmsplice(int pipe, const iovec* vector, size_t count, unsigned flags);

}  // namespace rondo
