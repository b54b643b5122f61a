// SPDX-License-Identifier: Apache-2.0
//
// See poll_wait.h. A descriptor that epoll does not take because it never waits (a file) cannot end the wait and is
// left out; where the kernel refuses one for want of room or depth (nested epoll sets), a kernel thread polls them all.

#include "runtime/io/poll_wait.h"

#include <cstdlib>
#include <new>

#include "runtime/core/blocking_call.h"
#include "runtime/core/worker.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

constexpr nfds_t kInFrame = 4;

enum class Pause { ended, over, interrupted, impossible };

short wanted_events(short events) {
    int wanted = events;
    wanted |= (events & (POLLRDNORM | POLLRDBAND)) != 0 ? POLLIN : 0;
    wanted |= (events & (POLLWRNORM | POLLWRBAND)) != 0 ? POLLOUT : 0;
    return static_cast<short>(wanted);
}

void stop_group(Waiter& waiter, WakeCause cause) {
    waiter.operation->request = cause;
    self_->backend().cancel(*waiter.operation);
}

// The operations of one wait; `members` has room for one a descriptor.
class Group {
   public:
    Group(const pollfd* fds, nfds_t count, IoOp* members)
        : fds_(fds), count_(count), members_(members), whole_(IoKind::poll, -1, WaitReason::poll) {
        whole_.waiter.object = fds;
        whole_.waiter.interrupt = stop_group;
        whole_.waiter.interruptible = true;
    }

    Pause wait(Deadline deadline) {
        long refused = 0;
        for (nfds_t i = 0; i < count_ && refused == 0; ++i) {
            refused = fds_[i].fd < 0 ? 0 : submit(fds_[i]);
        }
        if (refused == 0) {
            park(whole_.waiter, {}, deadline);
        }
        for (nfds_t i = 0; i < used_; ++i) {
            self_->backend().withdraw(members_[i]);
        }
        if (refused == 0) {
            return how_it_ended();
        }
        if (refused != -EBADF) {
            return Pause::impossible;
        }
        self_->yield_current();
        return Pause::ended;
    }

   private:
    Pause how_it_ended() const {
        if (whole_.request == WakeCause::interrupted) {
            return Pause::interrupted;
        }
        return whole_.request == WakeCause::pending ? Pause::ended : Pause::over;
    }

    // 0: held, or never to be told of.
    long submit(const pollfd& wanted) {
        IoOp* op = new (&members_[used_]) IoOp(IoKind::poll, wanted.fd, WaitReason::poll);
        op->events = wanted_events(wanted.events);
        op->group = &whole_;
        if (self_->backend().submit(*op)) {
            return op->result == -EOPNOTSUPP ? 0 : op->result;
        }
        ++used_;
        return 0;
    }

    const pollfd* fds_;
    nfds_t count_;
    IoOp* members_;
    nfds_t used_ = 0;
    IoOp whole_;
};

Pause poll_on_thread(pollfd* fds, nfds_t count, Deadline deadline) {
    Nanoseconds left = deadline.never() ? 0 : deadline.at - now_ns();
    timespec timeout = to_timespec(left > 0 ? left : 0);
    long time = sys::to_arg(deadline.never() ? nullptr : &timeout);
    long result = make_blocking_call({{SYS_ppoll, {sys::to_arg(fds), static_cast<long>(count), time}}});
    return result == -EINTR ? Pause::interrupted : Pause::ended;
}

long wait_with(const Question& question, pollfd* fds, nfds_t count, IoOp* members, Deadline deadline) {
    Pause pause = Pause::ended;
    long answer = 0;
    while (answer == 0 && pause == Pause::ended && !deadline.passed()) {
        pause = Group(fds, count, members).wait(deadline);
        if (pause == Pause::impossible) {
            pause = poll_on_thread(fds, count, deadline);
        }
        answer = question.ask();
    }
    return answer == 0 && pause == Pause::interrupted ? -EINTR : answer;
}

}  // namespace

bool settled(long answer, Deadline deadline) {
    if (answer != 0) {
        self_->spend_budget();
    } else if (deadline.at == kAtOnce.at) {
        self_->yield_current();
    }
    return answer != 0 || deadline.at == kAtOnce.at;
}

long wait_for_answer(const Question& question, pollfd* fds, nfds_t count, Deadline deadline) {
    long answer = 0;
    if (count <= kInFrame) {
        alignas(IoOp) char room[kInFrame * sizeof(IoOp)];
        answer = wait_with(question, fds, count, reinterpret_cast<IoOp*>(room), deadline);
    } else {
        void* room = malloc(count * sizeof(IoOp));
        if (room == nullptr) {
            return -ENOMEM;
        }
        answer = wait_with(question, fds, count, static_cast<IoOp*>(room), deadline);
        free(room);
    }
    return answer;
}

bool ends_call(long answer, Restart restart) {
    if (answer != 0 && answer != -EINTR) {
        return true;
    }
    cancellation_point();
    return answer == 0 || interrupted(restart);
}

}  // namespace rondo
