// SPDX-License-Identifier: Apache-2.0
//
// Reads and writes of regular files, which no readiness interface covers: what the page cache can do at once is done
// inline (RWF_NOWAIT), the rest by a thread of the files' offload pool. A call returns short only at the end of the
// file or on an error, as without Rondo. Only on a fiber.
#pragma once

#include <sys/uio.h>

namespace rondo {

long read_file(int fd, const iovec* vector, int count);
long write_file(int fd, const iovec* vector, int count);

}  // namespace rondo
