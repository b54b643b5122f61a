// SPDX-License-Identifier: Apache-2.0
//
// recvmmsg and sendmmsg on a fiber. What is possible at once is one system call for many datagrams; where a message has
// to wait, it waits as recvmsg or sendmsg does, with the descriptor's own timeout. Results are those of the system
// call, or -errno. Only on a fiber.
#pragma once

#include <sys/socket.h>

#include "runtime/base/clock.h"

namespace rondo {

// As in Linux the time is looked at after each message, so it does not end the wait for one; what is left is written
// back. An error after the first message is not told.
long io_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);

long io_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);

}  // namespace rondo
