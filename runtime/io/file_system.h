// SPDX-License-Identifier: Apache-2.0
//
// What lies behind an open descriptor, learnt without asking a server: its type, and whether its file system is local,
// that is, waits for nothing but this machine's disk and memory.
//
// The kernel is asked for the attributes it has (AT_STATX_DONT_SYNC) and for the mount's number, which is never used
// again; statmount then names the kind of file system. The last local mount is remembered, so that a server of files
// asks once. Rejected: statfs, which is a question to the server; /proc/self/mountinfo, which is long.
#pragma once

#include <sys/types.h>

namespace rondo {

struct SeenFile {
    mode_t type = 0;  // S_IFMT bits; 0: nothing could be learnt
    unsigned device_major = 0;
    bool local = false;
};

SeenFile look_at_file(int fd);

}  // namespace rondo
