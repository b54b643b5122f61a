// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of events: eventfd, timerfd, signalfd, inotify, fanotify, epoll sets, processes; and memory files. Each
// number is noted at its birth, so that it is known as the process's own and its O_NONBLOCK as the program's. Any
// thread.

#include <fcntl.h>
#include <sys/eventfd.h>

#include "runtime/api/result.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/io_ops.h"
#include "runtime/system/runtime.h"
#include "runtime/system/signals.h"

using namespace rondo;

namespace {

constexpr long kSignalSetBytes = 8;
constexpr unsigned kFanNonblock = 2;  // FAN_NONBLOCK of <linux/fanotify.h>

int born_event(long fd, bool nonblocking) {
    return as_int(FdTable::instance().born(fd, FdKind::event, nonblocking ? FdEntry::kNonblocking : 0));
}

// The creating calls' own NONBLOCK flags all have the value of O_NONBLOCK.
int born_event(long fd, long flags) { return born_event(fd, (flags & O_NONBLOCK) != 0); }

}  // namespace

extern "C" {

int rondo_eventfd(unsigned initial, int flags) {
    int fd = born_event(plain(SYS_eventfd2, initial, flags), long{flags});
    if (fd >= 0) {
        FdTable::instance().entry(fd)->set(FdEntry::kInside);
    }
    return fd;
}

int rondo_eventfd_read(int fd, uint64_t* value) {
    long length = sizeof *value;
    long got = on_fiber() ? io_read(fd, value, sizeof *value) : plain(SYS_read, fd, sys::to_arg(value), length);
    return as_int(got < 0 ? got : 0);
}

int rondo_eventfd_write(int fd, uint64_t value) {
    long length = sizeof value;
    long put = on_fiber() ? io_write(fd, &value, sizeof value) : plain(SYS_write, fd, sys::to_arg(&value), length);
    return as_int(put < 0 ? put : 0);
}

int rondo_timerfd_create(clockid_t clock, int flags) {
    return born_event(plain(SYS_timerfd_create, clock, flags), long{flags});
}

// A descriptor that is given keeps its number and its life: only its mask changes.
int rondo_signalfd(int fd, const sigset_t* mask, int flags) {
    long result = plain(SYS_signalfd4, fd, sys::to_arg(mask), kSignalSetBytes, flags);
    if (result >= 0 && runtime_started()) {
        signals_for_descriptor(*reinterpret_cast<const SignalSet*>(mask));
    }
    return fd < 0 ? born_event(result, long{flags}) : as_int(result);
}

int rondo_inotify_init(void) { return rondo_inotify_init1(0); }

int rondo_inotify_init1(int flags) { return born_event(plain(SYS_inotify_init1, flags), long{flags}); }

int rondo_epoll_create(int size) { return born_event(plain(SYS_epoll_create, size), false); }

int rondo_epoll_create1(int flags) { return born_event(plain(SYS_epoll_create1, flags), false); }

int rondo_fanotify_init(unsigned flags, unsigned event_flags) {
    return born_event(plain(SYS_fanotify_init, flags, event_flags), (flags & kFanNonblock) != 0);
}

int rondo_memfd_create(const char* name, unsigned flags) {
    return as_int(FdTable::instance().born(plain(SYS_memfd_create, sys::to_arg(name), flags), FdKind::file, 0));
}

int rondo_pidfd_open(pid_t pid, unsigned flags) { return born_event(plain(SYS_pidfd_open, pid, flags), long{flags}); }

// A copy of another process's descriptor: its description is shared.
int rondo_pidfd_getfd(int process, int fd, unsigned flags) {
    long copy = plain(SYS_pidfd_getfd, process, fd, flags);
    if (copy >= 0) {
        FdTable::instance().born_unknown(static_cast<int>(copy));
    }
    return as_int(copy);
}

}  // extern "C"
