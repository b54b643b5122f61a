// SPDX-License-Identifier: Apache-2.0
//
// Locks of files, message queues and System V's messages and semaphores, on a fiber: what others hold or have not yet
// sent. Each is asked without waiting first. A message queue is a descriptor that can be polled, and parks; the others
// wait on a kernel thread. Results are those of the system call, or -errno. `deadline` null: none.
#pragma once

#include <sys/sem.h>
#include <time.h>

#include <cstddef>

namespace rondo {

// fcntl's F_SETLKW and F_OFD_SETLKW; a cancellation point.
long io_lock(int fd, int command, long lock);
// Not a cancellation point.
long io_flock(int fd, int operation);

// deadline: absolute CLOCK_REALTIME. Cancellation points, as those below but the last.
long io_mq_send(int queue, const char* message, size_t length, unsigned priority, const timespec* deadline);
long io_mq_receive(int queue, char* message, size_t length, unsigned* priority, const timespec* deadline);

long io_msgsnd(int queue, const void* message, size_t length, int flags);
long io_msgrcv(int queue, void* message, size_t length, long type, int flags);

// timeout: relative; null: none.
long io_semtimedop(int set, sembuf* operations, size_t count, const timespec* timeout);

}  // namespace rondo
