// SPDX-License-Identifier: Apache-2.0
//
// See poll_wait.h. A descriptor that epoll does not take because it never waits (a file) cannot end the wait and is
// left out; where the kernel refuses one for want of room or depth (nested epoll sets), a kernel thread polls them all.
//
// A number belongs to the call as what it named when the wait began: its generation tells that it has been closed, even
// if it names something else before the thread runs again.

#include "runtime/io/poll_wait.h"

#include <cstdlib>
#include <new>

#include "runtime/core/blocking_call.h"
#include "runtime/core/worker.h"
#include "runtime/io/fd_table.h"
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

// The operations of one call, one a descriptor, in `members`; they wait together, round after round.
class Group {
   public:
    Group(pollfd* fds, nfds_t count, IoOp* members)
        : fds_(fds), count_(count), members_(members), whole_(IoKind::poll, -1, WaitReason::poll) {
        whole_.waiter.object = fds;
        whole_.waiter.interrupt = stop_group;
        whole_.waiter.interruptible = true;
        for (nfds_t i = 0; i < count; ++i) {
            IoOp* op = new (&members[i]) IoOp(IoKind::poll, fds[i].fd, WaitReason::poll);
            op->events = wanted_events(fds[i].events);
            op->group = &whole_;
            op->length = generation_of(op->fd);
        }
    }

    Pause wait(Deadline deadline) {
        whole_.begin_again();
        long refused = 0;
        nfds_t used = 0;
        while (used < count_ && refused == 0) {
            refused = members_[used].fd < 0 ? 0 : submit(members_[used]);
            ++used;
        }
        if (refused == 0) {
            park(whole_.waiter, {}, deadline);
        }
        for (nfds_t i = 0; i < used; ++i) {
            self_->backend().withdraw(members_[i]);
        }
        if (refused != 0) {
            return refused == -EBADF ? Pause::ended : Pause::impossible;
        }
        if (whole_.request == WakeCause::interrupted) {
            return Pause::interrupted;
        }
        return whole_.request == WakeCause::pending ? Pause::ended : Pause::over;
    }

    // Tells POLLNVAL of each descriptor that was closed since the call began, though its number may be in use again.
    bool tell_closed() {
        bool any = false;
        for (nfds_t i = 0; i < count_; ++i) {
            if (members_[i].fd >= 0 && closed(members_[i])) {
                fds_[i].revents = POLLNVAL;
                any = true;
            }
        }
        return any;
    }

   private:
    static uint32_t generation_of(int fd) {
        FdEntry* entry = FdTable::instance().entry(fd);
        if (entry != nullptr && entry->life() == FdEntry::Life::unknown) {
            FdTable::instance().find(fd);
        }
        return entry != nullptr ? entry->generation() : 0;
    }

    static bool closed(const IoOp& op) {
        FdEntry* entry = FdTable::instance().entry(op.fd);
        return entry == nullptr || entry->generation() != op.length || op.result == -EBADF;
    }

    // 0: held, or never to be told of.
    static long submit(IoOp& op) {
        if (self_->backend().submit(op)) {
            return op.result == -EOPNOTSUPP ? 0 : op.result;
        }
        return closed(op) ? -EBADF : 0;
    }

    pollfd* fds_;
    nfds_t count_;
    IoOp* members_;
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
    Group group(fds, count, members);
    Pause pause = Pause::ended;
    long answer = 0;
    while (answer == 0 && pause == Pause::ended && !deadline.passed()) {
        pause = group.wait(deadline);
        if (pause == Pause::impossible) {
            pause = poll_on_thread(fds, count, deadline);
        }
        answer = question.ask();
        answer = group.tell_closed() ? -EBADF : answer;
    }
    return answer == 0 && pause == Pause::interrupted ? -EINTR : answer;
}

}  // namespace

bool settled(long answer, Deadline deadline) {
    if (answer != 0) {
        self_->spend_budget("poll");
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
