// SPDX-License-Identifier: Apache-2.0
// poll family: waiting for several descriptors, an event loop inside a thread.
//
// On a Rondo thread each call parks. The *_chk forms are those of fortified callers, which know how many entries the
// array has room for.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "export.h"
#include "guard.h"
#include "real.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(poll);
RONDO_REAL(ppoll);
RONDO_REAL(select);
RONDO_REAL(pselect);
RONDO_REAL(epoll_wait);
RONDO_REAL(epoll_pwait);
RONDO_REAL(epoll_pwait2);

int wait_for_any(pollfd* fds, nfds_t count, int timeout_ms) {
    return on_thread() ? rondo_poll(fds, count, timeout_ms) : real_poll(fds, count, timeout_ms);
}

int wait_for_any(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
    return on_thread() ? rondo_ppoll(fds, count, timeout, mask) : real_ppoll(fds, count, timeout, mask);
}

}  // namespace

RONDO_EXPORT(int, poll, (pollfd * fds, nfds_t count, int timeout_ms)) { return wait_for_any(fds, count, timeout_ms); }
RONDO_ALIAS(__poll, poll);

RONDO_EXPORT_UNDECLARED(int, __poll_chk, (pollfd * fds, nfds_t count, int timeout_ms, size_t room)) {
    if (room / sizeof(pollfd) < count) __chk_fail();
    return wait_for_any(fds, count, timeout_ms);
}

RONDO_EXPORT(int, ppoll, (pollfd * fds, nfds_t count, const timespec* timeout, const sigset_t* mask)) {
    return wait_for_any(fds, count, timeout, mask);
}

RONDO_EXPORT_UNDECLARED(int, __ppoll_chk,
                        (pollfd * fds, nfds_t count, const timespec* timeout, const sigset_t* mask, size_t room)) {
    if (room / sizeof(pollfd) < count) __chk_fail();
    return wait_for_any(fds, count, timeout, mask);
}

RONDO_EXPORT(int, select, (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, timeval* timeout)) {
    return on_thread() ? rondo_select(count, readable, writable, exceptional, timeout)
                       : real_select(count, readable, writable, exceptional, timeout);
}
RONDO_ALIAS(__select, select);

RONDO_EXPORT(int, pselect,
             (int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const timespec* timeout,
              const sigset_t* mask)) {
    return on_thread() ? rondo_pselect(count, readable, writable, exceptional, timeout, mask)
                       : real_pselect(count, readable, writable, exceptional, timeout, mask);
}

RONDO_EXPORT(int, epoll_wait, (int set, epoll_event* events, int most, int timeout_ms)) {
    return on_thread() ? rondo_epoll_wait(set, events, most, timeout_ms)
                       : real_epoll_wait(set, events, most, timeout_ms);
}

RONDO_EXPORT(int, epoll_pwait, (int set, epoll_event* events, int most, int timeout_ms, const sigset_t* mask)) {
    return on_thread() ? rondo_epoll_pwait(set, events, most, timeout_ms, mask)
                       : real_epoll_pwait(set, events, most, timeout_ms, mask);
}

RONDO_EXPORT(int, epoll_pwait2,
             (int set, epoll_event* events, int most, const timespec* timeout, const sigset_t* mask)) {
    return on_thread() ? rondo_epoll_pwait2(set, events, most, timeout, mask)
                       : real_epoll_pwait2(set, events, most, timeout, mask);
}
