// SPDX-License-Identifier: Apache-2.0
//
// See ipc_ops.h.

#include "runtime/io/ipc_ops.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/ipc.h>

#include <cerrno>

#include "runtime/core/blocking_call.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

long done(long result) {
    self_->spend_budget("ipc");
    return result;
}

// A deadline that has passed makes the kernel say ETIMEDOUT where it would wait, and EAGAIN where O_NONBLOCK is set.
constexpr timespec kPassed{0, 0};

bool is_valid_deadline(const timespec* deadline) { return deadline == nullptr || is_valid(*deadline); }

// The call asks without waiting; in between, the fiber parks until the queue is ready.
template <typename Ask>
long when_ready(int queue, short events, const timespec* deadline, Ask ask) {
    cancellation_point();
    if (!is_valid_deadline(deadline)) {
        return ask(deadline);
    }
    for (;;) {
        long result = ask(&kPassed);
        if (result != -ETIMEDOUT) {
            return done(result);
        }
        Nanoseconds left = 0;
        if (deadline != nullptr) {
            left = to_ns(*deadline) - clock_now(CLOCK_REALTIME);
            if (left <= 0) {
                return -ETIMEDOUT;
            }
        }
        long ready = wait_ready(queue, events, left);
        if (ready < 0 && ready != -EAGAIN) {
            return ready;
        }
    }
}

bool waits(const sembuf* operations, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if ((operations[i].sem_flg & IPC_NOWAIT) == 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

long io_lock(int fd, int command, long lock) {
    cancellation_point();
    long result = sys::call(SYS_fcntl, fd, command == F_SETLKW ? F_SETLK : F_OFD_SETLK, lock);
    return result == -EAGAIN || result == -EACCES ? call_on_thread(SYS_fcntl, fd, command, lock) : done(result);
}

long io_flock(int fd, int operation) {
    long result = sys::call(SYS_flock, fd, operation | LOCK_NB);
    if (result != -EWOULDBLOCK || (operation & LOCK_NB) != 0) {
        return answered(result);
    }
    return finish_blocking_call({{SYS_flock, {fd, operation}}, fd, false}, Restart::allowed);
}

long io_mq_send(int queue, const char* message, size_t length, unsigned priority, const timespec* deadline) {
    return when_ready(queue, POLLOUT, deadline, [=](const timespec* until) {
        return sys::call(SYS_mq_timedsend, queue, sys::to_arg(message), static_cast<long>(length), priority,
                         sys::to_arg(until));
    });
}

long io_mq_receive(int queue, char* message, size_t length, unsigned* priority, const timespec* deadline) {
    return when_ready(queue, POLLIN, deadline, [=](const timespec* until) {
        return sys::call(SYS_mq_timedreceive, queue, sys::to_arg(message), static_cast<long>(length),
                         sys::to_arg(priority), sys::to_arg(until));
    });
}

long io_msgsnd(int queue, const void* message, size_t length, int flags) {
    cancellation_point();
    SystemCall send{SYS_msgsnd, {queue, sys::to_arg(message), static_cast<long>(length), flags}};
    long result = sys::call(SYS_msgsnd, queue, send.args[1], send.args[2], flags | IPC_NOWAIT);
    if (result != -EAGAIN || (flags & IPC_NOWAIT) != 0) {
        return answered(result);
    }
    return finish_blocking_call({send}, Restart::never);
}

long io_msgrcv(int queue, void* message, size_t length, long type, int flags) {
    cancellation_point();
    SystemCall receive{SYS_msgrcv, {queue, sys::to_arg(message), static_cast<long>(length), type, flags}};
    long result = sys::call(SYS_msgrcv, queue, receive.args[1], receive.args[2], type, flags | IPC_NOWAIT);
    if (result != -ENOMSG || (flags & IPC_NOWAIT) != 0) {
        answered(result == -ENOMSG ? -EAGAIN : result);
        return result;
    }
    return finish_blocking_call({receive}, Restart::never);
}

// A zero timeout asks without waiting, and leaves the operations' own flags as they are.
long io_semtimedop(int set, sembuf* operations, size_t count, const timespec* timeout) {
    SystemCall wait{SYS_semtimedop, {set, sys::to_arg(operations), static_cast<long>(count), sys::to_arg(timeout)}};
    long result = sys::call(SYS_semtimedop, set, wait.args[1], wait.args[2], sys::to_arg(&kPassed));
    if (result != -EAGAIN || !waits(operations, count)) {
        return answered(result);
    }
    return finish_blocking_call({wait, -1, false}, Restart::never);
}

}  // namespace rondo
