// SPDX-License-Identifier: Apache-2.0
//
// Locks of files, message queues, System V's messages and semaphores: the C façade. On a kernel thread that is no
// worker each is the plain system call.

#include "runtime/api/result.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/ipc_ops.h"

using namespace rondo;

extern "C" {

int rondo_flock(int fd, int operation) {
    return as_int(on_fiber() ? io_flock(fd, operation) : plain(SYS_flock, fd, operation));
}

int rondo_mq_send(int queue, const char* message, size_t length, unsigned priority) {
    return rondo_mq_timedsend(queue, message, length, priority, nullptr);
}

int rondo_mq_timedsend(int queue, const char* message, size_t length, unsigned priority,
                       const struct timespec* deadline) {
    return as_int(on_fiber()
                      ? io_mq_send(queue, message, length, priority, deadline)
                      : plain(SYS_mq_timedsend, queue, sys::to_arg(message), length, priority, sys::to_arg(deadline)));
}

ssize_t rondo_mq_receive(int queue, char* message, size_t length, unsigned* priority) {
    return rondo_mq_timedreceive(queue, message, length, priority, nullptr);
}

ssize_t rondo_mq_timedreceive(int queue, char* message, size_t length, unsigned* priority,
                              const struct timespec* deadline) {
    return to_errno(on_fiber() ? io_mq_receive(queue, message, length, priority, deadline)
                               : plain(SYS_mq_timedreceive, queue, sys::to_arg(message), length, sys::to_arg(priority),
                                       sys::to_arg(deadline)));
}

int rondo_msgsnd(int queue, const void* message, size_t length, int flags) {
    return as_int(on_fiber() ? io_msgsnd(queue, message, length, flags)
                             : plain(SYS_msgsnd, queue, sys::to_arg(message), length, flags));
}

ssize_t rondo_msgrcv(int queue, void* message, size_t length, long type, int flags) {
    return to_errno(on_fiber() ? io_msgrcv(queue, message, length, type, flags)
                               : plain(SYS_msgrcv, queue, sys::to_arg(message), length, type, flags));
}

int rondo_semop(int set, struct sembuf* operations, size_t count) {
    return rondo_semtimedop(set, operations, count, nullptr);
}

int rondo_semtimedop(int set, struct sembuf* operations, size_t count, const struct timespec* timeout) {
    return as_int(on_fiber() ? io_semtimedop(set, operations, count, timeout)
                             : plain(SYS_semtimedop, set, sys::to_arg(operations), count, sys::to_arg(timeout)));
}

}  // extern "C"
