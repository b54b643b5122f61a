// SPDX-License-Identifier: Apache-2.0
//
// The blocking calls on descriptors, as a fiber makes them: each runs as an operation of the worker's backend and parks
// until it is complete, honours the descriptor's O_NONBLOCK, SO_RCVTIMEO and SO_SNDTIMEO, and is a cancellation point
// where POSIX says so. Results are those of the system call, or -errno. Only on a fiber.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/base/clock.h"
#include "runtime/core/io_backend.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/file_ops.h"

namespace rondo {

long io_recv(int fd, void* buffer, size_t length, int flags);
long io_recvmsg(int fd, msghdr* message, int flags);
long io_send(int fd, const void* buffer, size_t length, int flags);
long io_sendmsg(int fd, const msghdr* message, int flags);
long io_read(int fd, void* buffer, size_t length);
long io_readv(int fd, const iovec* vector, int count);
long io_write(int fd, const void* buffer, size_t length);
long io_writev(int fd, const iovec* vector, int count);

// With a place in a file; of what has none, ESPIPE.
long io_preadv(int fd, const iovec* vector, int count, FilePlace place);
long io_pwritev(int fd, const iovec* vector, int count, FilePlace place);

long io_accept(int fd, sockaddr* address, socklen_t* length, int flags);
long io_connect(int fd, const sockaddr* address, socklen_t length);

// Submits, parks, and returns the operation's result; -EAGAIN when the timeout (nanoseconds, 0: none) passed first,
// -EINTR when a signal's handler ran that does not let the call go on.
// Unwinds when cancelled.
long perform(IoOp& op, Nanoseconds timeout);

// Parks until the descriptor is ready for the poll events. 1, or -errno (-EAGAIN: timeout; -EINTR as in perform).
long wait_ready(int fd, short events, Nanoseconds timeout);

// One blocking system call on a descriptor (its first argument) on a kernel thread of its own, for what cannot be asked
// without waiting. -EBADF when the descriptor is closed meanwhile, -EINTR by a signal; unwinds when cancelled.
long call_on_thread(long number, int fd, long b, long c, long d = 0, long e = 0, long f = 0);

// What a call that did not wait gives back: a thread that asks again and again lets the others run.
long answered(long result);

// Whether the call must not wait: the program set O_NONBLOCK, on this number or, where others share the description, on
// any.
bool is_nonblocking(int fd, const FdEntry& entry);

// A message call that does not wait, or fails: for the kernel to answer.
bool never_waits(int fd, const FdEntry& entry, int flags);

}  // namespace rondo
