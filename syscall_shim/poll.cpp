// SPDX-License-Identifier: Apache-2.0
// poll family: waiting for several descriptors.
//
// poll parks a Rondo thread. ppoll, select, pselect and epoll_wait are libc's for now: they block the worker, and
// docs/shim.md says so. __poll_chk is the fortified caller's form: it knows how many entries the array has room for.
#include <poll.h>

#include "export.h"
#include "guard.h"
#include "real.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(poll);

int wait_for_any(pollfd* fds, nfds_t count, int timeout_ms) {
    return on_thread() ? rondo_poll(fds, count, timeout_ms) : real_poll(fds, count, timeout_ms);
}

}  // namespace

RONDO_EXPORT(int, poll, (pollfd * fds, nfds_t count, int timeout_ms)) { return wait_for_any(fds, count, timeout_ms); }
RONDO_ALIAS(__poll, poll);

RONDO_EXPORT_UNDECLARED(int, __poll_chk, (pollfd * fds, nfds_t count, int timeout_ms, size_t room)) {
    if (room / sizeof(pollfd) < count) __chk_fail();
    return wait_for_any(fds, count, timeout_ms);
}
