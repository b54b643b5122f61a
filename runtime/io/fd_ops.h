// SPDX-License-Identifier: Apache-2.0
//
// The birth, copying, closing and flags of descriptors. Any thread; closing parks where another worker still has to let
// go of the number. Results are those of the system call, or -errno.
#pragma once

#include <sys/socket.h>

namespace rondo {

long fd_socket(int domain, int type, int protocol);
long fd_socketpair(int domain, int type, int protocol, int* pair);
long fd_pipe(int* ends, int flags);

// The plain accept4 of a kernel thread that may wait, its result born.
long fd_accept(int fd, sockaddr* address, socklen_t* length, int flags);

// Notes that accept made a descriptor on this listener; passes errors through.
long born_accepted(int listener, long accepted, int flags);

// Wakes everybody parked on the descriptor (with EBADF) before the number is free for reuse.
long fd_close(int fd);

// Linux's close_range, which passes over the runtime's own descriptors.
long fd_close_range(unsigned first, unsigned last, int flags);

long fd_dup(int fd);
// flags < 0: dup2, which does nothing when both are the same; otherwise dup3.
long fd_dup_to(int fd, int to, int flags);

long fd_fcntl(int fd, int command, unsigned long arg);
long fd_ioctl(int fd, unsigned long request, void* arg);
long fd_setsockopt(int fd, int level, int name, const void* value, socklen_t length);

// 1 if it can wait for somebody else, 0 if not, -EBADF.
long fd_waits(int fd);

// 1 if it is a file that was opened on a file system that is not local, 0 if not, -EBADF.
long fd_remote(int fd);

}  // namespace rondo
