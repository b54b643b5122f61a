// SPDX-License-Identifier: Apache-2.0
// ipc family: locks of files, POSIX message queues, System V's messages and semaphores.
//
// A Rondo thread parks for them; any other kernel thread waits in libc. A queue's number is a descriptor's, so the
// runtime is told of its birth and closes it, on every thread. lockf is fcntl by another name: only its wait is here.
// SEM_UNDO and the owner of a record lock are the process's, whichever kernel thread makes the call.
#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(flock);
RONDO_REAL(mq_open);
RONDO_REAL(mq_send);
RONDO_REAL(mq_timedsend);
RONDO_REAL(mq_receive);
RONDO_REAL(mq_timedreceive);
RONDO_REAL(msgsnd);
RONDO_REAL(msgrcv);
RONDO_REAL(semop);
RONDO_REAL(semtimedop);
RONDO_REGISTERED constinit Real<int(int, int, off_t)> real_lockf("lockf");

}  // namespace

// ---- locks

RONDO_EXPORT(int, flock, (int fd, int operation)) {
    return on_thread() ? rondo_flock(fd, operation) : real_flock(fd, operation);
}

RONDO_EXPORT_UNDECLARED(int, lockf, (int fd, int command, off_t length)) {
    if (!on_thread() || command != F_LOCK) return real_lockf(fd, command, length);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_CUR;
    lock.l_len = length;
    return rondo_fcntl(fd, F_SETLKW, reinterpret_cast<unsigned long>(&lock));
}
RONDO_ALIAS(lockf64, lockf);

// ---- message queues

// The two optional arguments are read also where they were not passed, which is harmless, as in libc.
RONDO_EXPORT(mqd_t, mq_open, (const char* name, int flags, ...)) {
    va_list arguments;
    va_start(arguments, flags);
    auto mode = va_arg(arguments, mode_t);
    auto* attributes = va_arg(arguments, mq_attr*);
    va_end(arguments);
    mqd_t queue = real_mq_open(name, flags, mode, attributes);
    return queue >= 0 ? rondo_fd_opened(queue) : queue;
}

RONDO_EXPORT_UNDECLARED(mqd_t, __mq_open_2, (const char* name, int flags)) {
    if ((flags & O_CREAT) != 0) __chk_fail();
    mqd_t queue = real_mq_open(name, flags);
    return queue >= 0 ? rondo_fd_opened(queue) : queue;
}

RONDO_EXPORT(int, mq_send, (mqd_t queue, const char* message, size_t length, unsigned priority)) {
    return on_thread() ? rondo_mq_send(queue, message, length, priority)
                       : real_mq_send(queue, message, length, priority);
}

RONDO_EXPORT(int, mq_timedsend,
             (mqd_t queue, const char* message, size_t length, unsigned priority, const timespec* deadline)) {
    return on_thread() ? rondo_mq_timedsend(queue, message, length, priority, deadline)
                       : real_mq_timedsend(queue, message, length, priority, deadline);
}

RONDO_EXPORT(ssize_t, mq_receive, (mqd_t queue, char* message, size_t length, unsigned* priority)) {
    return on_thread() ? rondo_mq_receive(queue, message, length, priority)
                       : real_mq_receive(queue, message, length, priority);
}

RONDO_EXPORT(ssize_t, mq_timedreceive,
             (mqd_t queue, char* message, size_t length, unsigned* priority, const timespec* deadline)) {
    return on_thread() ? rondo_mq_timedreceive(queue, message, length, priority, deadline)
                       : real_mq_timedreceive(queue, message, length, priority, deadline);
}

RONDO_EXPORT(int, mq_close, (mqd_t queue)) { return rondo_close(queue); }

// ---- System V

RONDO_EXPORT(int, msgsnd, (int queue, const void* message, size_t length, int flags)) {
    return on_thread() ? rondo_msgsnd(queue, message, length, flags) : real_msgsnd(queue, message, length, flags);
}

RONDO_EXPORT(ssize_t, msgrcv, (int queue, void* message, size_t length, long type, int flags)) {
    return on_thread() ? rondo_msgrcv(queue, message, length, type, flags)
                       : real_msgrcv(queue, message, length, type, flags);
}

RONDO_EXPORT(int, semop, (int set, sembuf* operations, size_t count)) {
    return on_thread() ? rondo_semop(set, operations, count) : real_semop(set, operations, count);
}

RONDO_EXPORT(int, semtimedop, (int set, sembuf* operations, size_t count, const timespec* timeout)) {
    return on_thread() ? rondo_semtimedop(set, operations, count, timeout)
                       : real_semtimedop(set, operations, count, timeout);
}
