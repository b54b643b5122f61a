// SPDX-License-Identifier: Apache-2.0
//
// Opening by path, and what can be known of a path without waiting.
//
// Looking up a path waits for a disk, for a server (NFS), for another program (FUSE), or, at a FIFO or a terminal, for
// the other side. None of it can be polled. So it is asked first for what the kernel has in its caches
// (RESOLVE_CACHED), by an O_PATH descriptor, which opens nothing. A file of a local file system that is found this way
// is opened in place; all else on a thread of the files' pool; a FIFO or terminal on a kernel thread of its own.
//
// Which file systems are local is asked by the mount's identity (statmount), for statfs is itself a question to the
// server. Kernels without it (before 6.8) show only whether there is a block device below.
#pragma once

#include <sys/types.h>

namespace rondo {

// The result of openat, or -errno; its number is born. Parks on a fiber; cancellation point.
long io_openat(int directory, const char* path, int flags, mode_t mode);

// Whether an operation that only looks at this path (stat, access, readlink) may have to wait. No for files,
// directories and links that are in the caches.
bool path_waits(int directory, const char* path, bool follow);

// A number that somebody else got from the kernel, such as libc's fopen: its record begins anew.
void note_opened(int fd);

}  // namespace rondo
