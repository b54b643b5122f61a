// SPDX-License-Identifier: Apache-2.0
//
// poll and epoll_wait on a fiber, and the wait for one descriptor that other calls make (declared in io_ops.h). A
// program's epoll set is a descriptor like others, readable when it has events, so waiting for it leaves its triggers,
// EPOLLONESHOT and EPOLLEXCLUSIVE to the kernel.

#include "runtime/io/poll_ops.h"

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

struct PollCall {
    pollfd* fds;
    nfds_t count;
};

long ask_poll(void* subject) {
    auto* call = static_cast<PollCall*>(subject);
    timespec now{};
    return sys::call(SYS_ppoll, sys::to_arg(call->fds), static_cast<long>(call->count), sys::to_arg(&now));
}

long count_told(const pollfd* fds, nfds_t count) {
    long told = 0;
    for (nfds_t i = 0; i < count; ++i) {
        told += fds[i].revents != 0 ? 1 : 0;
    }
    return told;
}

struct EpollCall {
    int set;
    epoll_event* events;
    int most;
};

long ask_epoll(void* subject) {
    auto* call = static_cast<EpollCall*>(subject);
    return sys::call(SYS_epoll_wait, call->set, sys::to_arg(call->events), call->most, 0);
}

// For a call whose first answer was none.
long wait_on(const Question& question, pollfd* fds, nfds_t count, Deadline deadline, Restart restart = Restart::never) {
    long answer = 0;
    do {
        answer = wait_for_answer(question, fds, count, deadline);
    } while (!ends_call(answer, restart));
    return answer;
}

}  // namespace

long wait_ready(int fd, short events, Nanoseconds timeout) {
    pollfd look{fd, events, 0};
    PollCall call{&look, 1};
    Question question{ask_poll, &call};
    long ready = question.ask();
    if (ready == 0) {
        Restart restart = timeout > 0 ? Restart::never : Restart::allowed;
        ready = wait_on(question, &look, 1, timeout > 0 ? deadline_in(timeout) : Deadline{}, restart);
    }
    return ready != 0 ? ready : -EAGAIN;
}

long io_poll(pollfd* fds, nfds_t count, Deadline deadline) {
    cancellation_point();
    PollCall call{fds, count};
    Question question{ask_poll, &call};
    long ready = question.ask();
    if (!settled(ready, deadline)) {
        ready = wait_on(question, fds, count, deadline);
    }
    return ready == -EBADF ? count_told(fds, count) : ready;
}

long io_epoll_wait(int set, epoll_event* events, int most, Deadline deadline) {
    cancellation_point();
    EpollCall call{set, events, most};
    Question question{ask_epoll, &call};
    long ready = question.ask();
    pollfd watched{set, POLLIN, 0};
    return settled(ready, deadline) ? ready : wait_on(question, &watched, 1, deadline);
}

}  // namespace rondo
