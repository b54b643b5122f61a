// SPDX-License-Identifier: Apache-2.0
//
// Reads and writes of regular files, which no readiness interface covers: what the page cache can do at once is done
// inline (RWF_NOWAIT), the rest by a thread of the files' offload pool. A call returns short only at the end of the
// file or on an error, as without Rondo. Only on a fiber.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

namespace rondo {

// Where in the file, and how (RWF_*).
struct FilePlace {
    static constexpr off_t kCurrent = -1;  // at the descriptor's own offset, which moves

    off_t offset = kCurrent;
    int flags = 0;
};

long read_file(int fd, const iovec* vector, int count, FilePlace place = {});
long write_file(int fd, const iovec* vector, int count, FilePlace place = {});

// A system call that works on a file and ends by itself, such as fsync, on a thread of the pool.
long call_on_file(long number, long a, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);

}  // namespace rondo
