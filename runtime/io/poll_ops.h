// SPDX-License-Identifier: Apache-2.0
//
// The calls that wait for several descriptors, as a fiber makes them: each asks the kernel's own call without waiting
// and parks in between (poll_wait.h), and is a cancellation point. Results are those of the system call, or -errno. A
// deadline of kAtOnce does not wait. Only on a fiber.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "runtime/io/poll_wait.h"

namespace rondo {

long io_poll(pollfd* fds, nfds_t count, Deadline deadline);

// The sets may be larger than fd_set where count is. They are left alone when the result is an error.
long io_select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, Deadline deadline);

long io_epoll_wait(int set, epoll_event* events, int most, Deadline deadline);

}  // namespace rondo
