// SPDX-License-Identifier: Apache-2.0
//
// The poll family: the C façade. Timeouts become deadlines here, each by the rule of its call: poll and epoll_wait take
// milliseconds, negative for none; the others a time, null for none. select alone writes back the time that is left. On
// a kernel thread that is no worker the call is the plain system call.

#include <sys/time.h>

#include "runtime/api/result.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/poll_ops.h"
#include "runtime/system/signals.h"

using namespace rondo;

namespace {

constexpr long kSignalSetBytes = 8;

Deadline after_ms(int timeout_ms) { return timeout_ms < 0 ? Deadline{} : deadline_in(timeout_ms * kMillisecond); }

// An invalid time gives an invalid deadline.
Deadline after_timespec(const timespec* timeout) {
    if (timeout == nullptr) {
        return {};
    }
    bool valid = is_valid(*timeout) && timeout->tv_sec >= 0;
    return valid ? deadline_in(to_ns(*timeout)) : Deadline{Deadline::kInvalid};
}

// Microseconds beyond a second are carried, as Linux does.
Deadline after_timeval(const timeval* timeout) {
    if (timeout == nullptr) {
        return {};
    }
    if (timeout->tv_sec < 0 || timeout->tv_usec < 0) {
        return {Deadline::kInvalid};
    }
    constexpr long kPerSecond = 1'000'000;
    return deadline_in(add_ns(to_ns({timeout->tv_sec, 0}),
                              add_ns(to_ns({timeout->tv_usec / kPerSecond, 0}), timeout->tv_usec % kPerSecond * 1000)));
}

void tell_time_left(timeval* timeout, Deadline deadline) {
    if (timeout == nullptr || deadline.never()) {
        return;
    }
    Nanoseconds left = deadline.at == kAtOnce.at ? 0 : deadline.at - now_ns();
    left = left > 0 ? left : 0;
    *timeout = {left / kSecond, left % kSecond / 1000};
}

// What the pselect6 system call takes as its sixth argument.
struct MaskArgument {
    const sigset_t* mask;
    long bytes = kSignalSetBytes;
};

}  // namespace

extern "C" {

int rondo_poll(struct pollfd* fds, nfds_t count, int timeout_ms) {
    return as_int(on_fiber() ? io_poll(fds, count, after_ms(timeout_ms))
                             : plain(SYS_poll, sys::to_arg(fds), count, timeout_ms));
}

int rondo_ppoll(struct pollfd* fds, nfds_t count, const struct timespec* timeout, const sigset_t* mask) {
    Deadline deadline = after_timespec(timeout);
    if (deadline.invalid()) {
        return as_int(-EINVAL);
    }
    if (on_fiber()) {
        TemporaryMask replaced(mask);
        return as_int(io_poll(fds, count, deadline));
    }
    timespec scratch = timeout != nullptr ? *timeout : timespec{};
    return as_int(plain(SYS_ppoll, sys::to_arg(fds), count, sys::to_arg(timeout != nullptr ? &scratch : nullptr),
                        sys::to_arg(mask), kSignalSetBytes));
}

int rondo_select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, struct timeval* timeout) {
    if (!on_fiber()) {
        return as_int(plain(SYS_select, count, sys::to_arg(readable), sys::to_arg(writable), sys::to_arg(exceptional),
                            sys::to_arg(timeout)));
    }
    Deadline deadline = after_timeval(timeout);
    long ready = deadline.invalid() ? -EINVAL : io_select(count, readable, writable, exceptional, deadline);
    if (!deadline.invalid()) {
        tell_time_left(timeout, deadline);
    }
    return as_int(ready);
}

int rondo_pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const struct timespec* timeout,
                  const sigset_t* mask) {
    Deadline deadline = after_timespec(timeout);
    if (deadline.invalid()) {
        return as_int(-EINVAL);
    }
    if (on_fiber()) {
        TemporaryMask replaced(mask);
        return as_int(io_select(count, readable, writable, exceptional, deadline));
    }
    timespec scratch = timeout != nullptr ? *timeout : timespec{};
    MaskArgument argument{mask};
    return as_int(plain(SYS_pselect6, count, sys::to_arg(readable), sys::to_arg(writable), sys::to_arg(exceptional),
                        sys::to_arg(timeout != nullptr ? &scratch : nullptr), sys::to_arg(&argument)));
}

int rondo_epoll_wait(int set, struct epoll_event* events, int most, int timeout_ms) {
    return rondo_epoll_pwait(set, events, most, timeout_ms, nullptr);
}

int rondo_epoll_pwait(int set, struct epoll_event* events, int most, int timeout_ms, const sigset_t* mask) {
    if (on_fiber()) {
        TemporaryMask replaced(mask);
        return as_int(io_epoll_wait(set, events, most, after_ms(timeout_ms)));
    }
    return as_int(
        plain(SYS_epoll_pwait, set, sys::to_arg(events), most, timeout_ms, sys::to_arg(mask), kSignalSetBytes));
}

int rondo_epoll_pwait2(int set, struct epoll_event* events, int most, const struct timespec* timeout,
                       const sigset_t* mask) {
    Deadline deadline = after_timespec(timeout);
    if (deadline.invalid()) {
        return as_int(-EINVAL);
    }
    if (on_fiber()) {
        TemporaryMask replaced(mask);
        return as_int(io_epoll_wait(set, events, most, deadline));
    }
    return as_int(plain(SYS_epoll_pwait2, set, sys::to_arg(events), most, sys::to_arg(timeout), sys::to_arg(mask),
                        kSignalSetBytes));
}

}  // extern "C"
