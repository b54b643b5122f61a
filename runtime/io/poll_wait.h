// SPDX-License-Identifier: Apache-2.0
//
// What the calls of the poll family share: a question that the kernel answers without waiting, and a wait until any of
// some descriptors may have changed the answer. The kernel is asked first and last, so the answer is always its own; in
// between, one operation a descriptor waits in the backend, and the first event on any ends the wait. An event that
// turned out to be somebody else's makes another round with the same deadline. Only on a fiber.
//
// Rejected: computing the answer from the backend's events. They are edges of one worker's set, and the callers ask for
// levels, for descriptors of every kind, and with three ways to spell an event.
#pragma once

#include <poll.h>

#include <cerrno>

#include "runtime/core/interrupt.h"

namespace rondo {

struct Question {
    // The system call with a zero timeout: its result, 0 for "nothing yet", or -errno. A signal to the worker's kernel
    // thread is no answer.
    long ask() const {
        long answer = -EINTR;
        while (answer == -EINTR) {
            answer = call(subject);
        }
        return answer;
    }

    long (*call)(void* subject);
    void* subject;
};

// A deadline that has passed from the beginning: the call does not wait.
constexpr Deadline kAtOnce{0};

inline Deadline deadline_in(Nanoseconds timeout) { return timeout > 0 ? Deadline{add_ns(now_ns(), timeout)} : kAtOnce; }

// Whether a first answer ends the call, which it pays for: it is not 0, or the call does not wait.
bool settled(long answer, Deadline deadline);

// Waits for the events in fds and asks again until there is an answer or the deadline passes: that answer, or 0. A
// signal ends it with -EINTR, a cancellation as the deadline does; the closing of a descriptor with -EBADF and POLLNVAL
// in its revents. fds is scratch otherwise.
long wait_for_answer(const Question& question, pollfd* fds, nfds_t count, Deadline deadline);

// Whether an answer ends the call, or it waits again: asked when the caller holds nothing any more, for this runs the
// handlers of signals, and unwinds when cancelled.
bool ends_call(long answer, Restart restart);

}  // namespace rondo
