// SPDX-License-Identifier: Apache-2.0
//
// See child_ops.h. The pidfd names the child that the first question found; if another thread reaps it meanwhile, the
// next question answers ECHILD. A child that is said to have ended and cannot be reaped yet (it is traced) is left to a
// kernel thread, and so is one whose wait a signal interrupted without ending it.

#include "runtime/io/child_ops.h"

#include <cerrno>

#include "runtime/core/blocking_call.h"
#include "runtime/io/fd_ops.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

constexpr int kByPidfd = 3;  // P_PIDFD

enum class Exit { seen, unsupported, fails };

void stop_waiting(Waiter& waiter, WakeCause cause) {
    waiter.operation->request = cause;
    self_->backend().cancel(*waiter.operation);
}

// Parks until the descriptor is readable; true also when a signal or a cancellation ended the wait.
bool park_on(int pidfd, WakeCause& request) {
    IoOp op(IoKind::poll, pidfd, WaitReason::child);
    op.events = POLLIN;
    op.waiter.interruptible = true;
    op.waiter.interrupt = stop_waiting;
    bool done = self_->backend().submit(op);
    if (!done) {
        park(op.waiter, {}, {});
    }
    request = op.request;
    return !done || op.result >= 0;
}

Exit judge(bool waited, WakeCause request) {
    if (request == WakeCause::cancelled) {
        cancellation_point();
    }
    if (request == WakeCause::interrupted && interrupted(Restart::allowed)) {
        return Exit::fails;
    }
    return waited ? Exit::seen : Exit::unsupported;
}

// The descriptor is closed before anything may unwind.
Exit wait_for_exit(pid_t pid) {
    long pidfd = sys::call(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        return pidfd == -ESRCH ? Exit::seen : Exit::unsupported;
    }
    int fd = static_cast<int>(FdTable::instance().born(pidfd, FdKind::event, 0));
    WakeCause request = WakeCause::pending;
    bool waited = park_on(fd, request);
    fd_close(fd);
    return judge(waited, request);
}

Exit wait_for_exit_of(int type, id_t id) {
    if (type == P_PID) {
        return wait_for_exit(static_cast<pid_t>(id));
    }
    if (type != kByPidfd) {
        return Exit::unsupported;
    }
    WakeCause request = WakeCause::pending;
    bool waited = park_on(static_cast<int>(id), request);
    return judge(waited, request);
}

void let_others_run(bool none_yet) { answered(none_yet ? -EAGAIN : 0); }

}  // namespace

long io_wait4(pid_t pid, int* status, int options, rusage* usage) {
    cancellation_point();
    bool one_end = pid > 0 && (options & (WUNTRACED | WCONTINUED)) == 0;
    for (;;) {
        long found = sys::call(SYS_wait4, pid, sys::to_arg(status), options | WNOHANG, sys::to_arg(usage));
        if (found != 0 || (options & WNOHANG) != 0) {
            let_others_run(found == 0);
            return found;
        }
        Exit seen = one_end ? wait_for_exit(pid) : Exit::unsupported;
        one_end = false;
        if (seen == Exit::fails) {
            return -EINTR;
        }
        if (seen == Exit::unsupported) {
            SystemCall wait{SYS_wait4, {pid, sys::to_arg(status), options, sys::to_arg(usage)}};
            return finish_blocking_call({wait}, Restart::allowed);
        }
    }
}

// Without waiting, "none yet" is told by a pid of 0 in the answer.
long io_waitid(int type, id_t id, siginfo_t* info, int options, rusage* usage) {
    cancellation_point();
    siginfo_t room;
    siginfo_t& answer = info != nullptr ? *info : room;
    bool one_end = (options & (WSTOPPED | WCONTINUED)) == 0;
    for (;;) {
        answer.si_pid = 0;
        long result = sys::call(SYS_waitid, type, id, sys::to_arg(&answer), options | WNOHANG, sys::to_arg(usage));
        bool none_yet = result == 0 && answer.si_pid == 0;
        if (!none_yet || (options & WNOHANG) != 0) {
            let_others_run(none_yet);
            return result;
        }
        Exit seen = one_end ? wait_for_exit_of(type, id) : Exit::unsupported;
        one_end = false;
        if (seen == Exit::fails) {
            return -EINTR;
        }
        if (seen == Exit::unsupported) {
            SystemCall wait{SYS_waitid, {type, id, sys::to_arg(&answer), options, sys::to_arg(usage)}};
            return finish_blocking_call({wait}, Restart::allowed);
        }
    }
}

}  // namespace rondo
