// SPDX-License-Identifier: Apache-2.0
// event family: descriptors of events, and memory files.
//
// Whatever makes a number goes to the runtime on every thread, so that the number is known from its birth; reading
// such a descriptor is read() or, for an eventfd, one of the two calls below.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

namespace {

using namespace rondo::shim;

RONDO_REAL(eventfd_read);
RONDO_REAL(eventfd_write);

}  // namespace

RONDO_EXPORT(int, eventfd, (unsigned initial, int flags)) { return rondo_eventfd(initial, flags); }

RONDO_EXPORT(int, eventfd_read, (int fd, eventfd_t* value)) {
    return on_thread() ? rondo_eventfd_read(fd, value) : real_eventfd_read(fd, value);
}

RONDO_EXPORT(int, eventfd_write, (int fd, eventfd_t value)) {
    return on_thread() ? rondo_eventfd_write(fd, value) : real_eventfd_write(fd, value);
}

RONDO_EXPORT(int, timerfd_create, (clockid_t clock, int flags)) { return rondo_timerfd_create(clock, flags); }

RONDO_EXPORT(int, signalfd, (int fd, const sigset_t* mask, int flags)) { return rondo_signalfd(fd, mask, flags); }

RONDO_EXPORT(int, inotify_init, ()) { return rondo_inotify_init(); }

RONDO_EXPORT(int, inotify_init1, (int flags)) { return rondo_inotify_init1(flags); }

RONDO_EXPORT(int, epoll_create, (int size)) { return rondo_epoll_create(size); }

RONDO_EXPORT(int, epoll_create1, (int flags)) { return rondo_epoll_create1(flags); }

RONDO_EXPORT(int, fanotify_init, (unsigned flags, unsigned event_flags)) {
    return rondo_fanotify_init(flags, event_flags);
}

RONDO_EXPORT(int, memfd_create, (const char* name, unsigned flags)) { return rondo_memfd_create(name, flags); }

RONDO_EXPORT(int, pidfd_open, (pid_t pid, unsigned flags)) { return rondo_pidfd_open(pid, flags); }

RONDO_EXPORT(int, pidfd_getfd, (int process, int fd, unsigned flags)) { return rondo_pidfd_getfd(process, fd, flags); }
