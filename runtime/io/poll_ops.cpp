// SPDX-License-Identifier: Apache-2.0
//
// poll() on a fiber (declared in io_ops.h). The kernel is asked without waiting first and last, so the answer is always
// its own; in between, one operation a descriptor waits in the backend, and the first event on any ends the wait of the
// group. An event that turned out to be somebody else's makes another round with the same deadline.

#include <cerrno>
#include <cstdlib>
#include <new>

#include "runtime/core/cancel.h"
#include "runtime/core/worker.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

constexpr nfds_t kInFrame = 4;

short wanted_events(short events) {
    int wanted = events;
    wanted |= (events & (POLLRDNORM | POLLRDBAND)) != 0 ? POLLIN : 0;
    wanted |= (events & (POLLWRNORM | POLLWRBAND)) != 0 ? POLLOUT : 0;
    return static_cast<short>(wanted);
}

long ask_kernel(pollfd* fds, nfds_t count) {
    timespec now{};
    return sys::call(SYS_ppoll, sys::to_arg(fds), static_cast<long>(count), sys::to_arg(&now));
}

void stop_group(Waiter& waiter, WakeCause cause) {
    waiter.operation->request = cause;
    self_->backend().cancel(*waiter.operation);
}

// The operations of one poll call; `members` has room for one a descriptor.
class Group {
   public:
    Group(pollfd* fds, nfds_t count, IoOp* members)
        : fds_(fds), count_(count), members_(members), whole_(IoKind::poll, -1, WaitReason::poll) {
        whole_.waiter.object = fds;
        whole_.waiter.interrupt = stop_group;
    }

    // False: cancelled or past the deadline.
    bool wait(Deadline deadline) {
        bool all_held = true;
        for (nfds_t i = 0; i < count_ && all_held; ++i) {
            all_held = fds_[i].fd < 0 || submit(fds_[i]);
        }
        if (all_held) {
            park(whole_.waiter, {}, deadline);
        } else {
            self_->yield_current();
        }
        for (nfds_t i = 0; i < used_; ++i) {
            self_->backend().withdraw(members_[i]);
        }
        return whole_.request == WakeCause::pending;
    }

   private:
    bool submit(const pollfd& wanted) {
        IoOp* op = new (&members_[used_]) IoOp(IoKind::poll, wanted.fd, WaitReason::poll);
        op->events = wanted_events(wanted.events);
        op->group = &whole_;
        if (self_->backend().submit(*op)) {
            return false;
        }
        ++used_;
        return true;
    }

    pollfd* fds_;
    nfds_t count_;
    IoOp* members_;
    nfds_t used_ = 0;
    IoOp whole_;
};

long poll_until(pollfd* fds, nfds_t count, IoOp* members, Deadline deadline) {
    for (;;) {
        long ready = ask_kernel(fds, count);
        if (ready != 0 || deadline.passed()) {
            return ready;
        }
        if (!Group(fds, count, members).wait(deadline)) {
            return ask_kernel(fds, count);
        }
    }
}

}  // namespace

long wait_ready(int fd, short events, Nanoseconds timeout) {
    pollfd look{fd, events, 0};
    alignas(IoOp) char room[sizeof(IoOp)];
    Deadline deadline;
    if (timeout > 0) {
        deadline.at = add_ns(now_ns(), timeout);
    }
    long ready = poll_until(&look, 1, reinterpret_cast<IoOp*>(room), deadline);
    if (ready == 0) {
        cancellation_point();
        return -EAGAIN;
    }
    return ready;
}

long io_poll(pollfd* fds, nfds_t count, int timeout_ms) {
    cancellation_point();
    long ready = ask_kernel(fds, count);
    if (ready != 0) {
        self_->spend_budget();
        return ready;
    }
    if (timeout_ms == 0) {
        self_->yield_current();
        return 0;
    }
    Deadline deadline;
    if (timeout_ms > 0) {
        deadline.at = now_ns() + timeout_ms * kMillisecond;
    }
    if (count <= kInFrame) {
        alignas(IoOp) char room[kInFrame * sizeof(IoOp)];
        ready = poll_until(fds, count, reinterpret_cast<IoOp*>(room), deadline);
    } else {
        void* room = malloc(count * sizeof(IoOp));
        if (room == nullptr) {
            return -ENOMEM;
        }
        ready = poll_until(fds, count, static_cast<IoOp*>(room), deadline);
        free(room);
    }
    if (ready == 0) {
        cancellation_point();
    }
    return ready;
}

}  // namespace rondo
