// SPDX-License-Identifier: Apache-2.0
//
// See fd_ops.h. Closing: the entry is marked, each worker that knows the number is asked in turn to forget it, and only
// then is the number freed; so it is never reused under an operation.

#include "runtime/io/fd_ops.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "runtime/core/park.h"
#include "runtime/core/worker.h"
#include "runtime/core/workers.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/file_ops.h"
#include "runtime/io/io_ops.h"
#include "runtime/io/ipc_ops.h"
#include "runtime/io/thread_call.h"

namespace rondo {

namespace {

struct ForgetRequest {
    Message message;
    int fd;
    Waiter waiter;
    Worker* worker = nullptr;
};

void forget_here(Message& message) {
    auto* request = static_cast<ForgetRequest*>(message.subject);
    self_->backend().forget(request->fd);
    if (request->waiter.claim(WakeCause::woken)) {
        release(request->waiter);
    }
}

// Off the closing thread's stack.
void send_request(void* sent) {
    auto* request = static_cast<ForgetRequest*>(sent);
    request->worker->post(request->message);
}

void forget_on(Worker& worker, int fd) {
    if (is_here(&worker)) {
        worker.backend().forget(fd);
        return;
    }
    ForgetRequest request{{}, fd, Waiter(WaitReason::close, reinterpret_cast<const void*>(static_cast<intptr_t>(fd)))};
    request.message.run = forget_here;
    request.message.subject = &request;
    request.worker = &worker;
    park(request.waiter, {send_request, &request}, {});
}

void forget_everywhere(int fd, FdEntry& entry) {
    uint64_t knows = entry.workers.exchange(0, std::memory_order_seq_cst);
    for (unsigned i = 0; knows != 0 && i < worker_count(); ++i) {
        if ((knows >> (i % 64) & 1) != 0) {
            forget_on(*worker_at(i), fd);
        }
    }
    stop_thread_calls(fd);
}

uint8_t nonblocking_flag(bool on) { return on ? FdEntry::kNonblocking : 0; }

// A copy names the same description: from now on neither number's flags are ours alone.
long born_copy(int original, long copy) {
    FdEntry* source = FdTable::instance().entry(original);
    if (copy < 0 || source == nullptr) {
        return copy;
    }
    FdTable::instance().share(original);
    FdTable::instance().born_unknown(static_cast<int>(copy));
    return copy;
}

bool sets_timeout(int level, int name) { return level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO); }

void note_timeout(FdEntry& entry, int name, const void* value) {
    timeval time;
    memcpy(&time, value, sizeof time);
    Nanoseconds timeout = time.tv_sec * kSecond + time.tv_usec * 1000;
    (name == SO_RCVTIMEO ? entry.receive_timeout : entry.send_timeout).store(timeout, std::memory_order_relaxed);
}

long set_flags(int fd, FdEntry& entry, unsigned long flags) {
    bool nonblocking = (flags & O_NONBLOCK) != 0;
    unsigned long real = entry.has(FdEntry::kHidden) ? flags | O_NONBLOCK : flags;
    long result = sys::call(SYS_fcntl, fd, F_SETFL, static_cast<long>(real));
    if (result == 0) {
        nonblocking ? entry.set(FdEntry::kNonblocking) : entry.clear(FdEntry::kNonblocking);
    }
    return result;
}

}  // namespace

long fd_socket(int domain, int type, int protocol) {
    if (choose(ChoiceKind::fail, 2, "socket") != 0) {
        return -EMFILE;
    }
    return FdTable::instance().born(sys::call(SYS_socket, domain, type, protocol), socket_kind(domain, type, protocol),
                                    nonblocking_flag((type & SOCK_NONBLOCK) != 0));
}

long fd_socketpair(int domain, int type, int protocol, int* pair) {
    long result = sys::call(SYS_socketpair, domain, type, protocol, sys::to_arg(pair));
    for (int i = 0; result == 0 && i < 2; ++i) {
        FdTable::instance().born(pair[i], socket_kind(domain, type, protocol),
                                 FdEntry::kInside | nonblocking_flag((type & SOCK_NONBLOCK) != 0));
    }
    return result;
}

long fd_pipe(int* ends, int flags) {
    if (choose(ChoiceKind::fail, 2, "pipe") != 0) {
        return -EMFILE;
    }
    long result = sys::call(SYS_pipe2, sys::to_arg(ends), flags);
    for (int i = 0; result == 0 && i < 2; ++i) {
        FdTable::instance().born(ends[i], FdKind::pipe, FdEntry::kInside | nonblocking_flag((flags & O_NONBLOCK) != 0));
    }
    return result;
}

long born_accepted(int listener, long accepted, int flags) {
    FdTable& table = FdTable::instance();
    FdEntry* from = accepted >= 0 ? table.find(listener) : nullptr;
    FdEntry* fresh = from != nullptr ? table.entry(static_cast<int>(accepted)) : nullptr;
    if (fresh != nullptr) {
        table.born(accepted, from->kind(), nonblocking_flag((flags & SOCK_NONBLOCK) != 0));
        fresh->receive_timeout.store(from->receive_timeout.load(std::memory_order_relaxed), std::memory_order_relaxed);
        fresh->send_timeout.store(from->send_timeout.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    return accepted;
}

long fd_accept(int fd, sockaddr* address, socklen_t* length, int flags) {
    return born_accepted(fd, sys::call(SYS_accept4, fd, sys::to_arg(address), sys::to_arg(length), flags), flags);
}

long fd_close(int fd) {
    FdEntry* entry = FdTable::instance().entry(fd);
    if (entry == nullptr) {
        return sys::close(fd);
    }
    if (entry->has(FdEntry::kOwn) || !entry->begin_close()) {
        return -EBADF;
    }
    forget_everywhere(fd, *entry);
    // What was written is sent to the server now.
    bool may_wait = entry->has(FdEntry::kRemote) && current_fiber() != nullptr;
    long result = may_wait ? call_on_file(SYS_close, fd) : sys::close(fd);
    entry->end_close();
    return result;
}

// Numbers that somebody may wait on are closed one by one, then the kernel closes what else is open between ours.
long fd_close_range(unsigned first, unsigned last, int flags) {
    FdTable& table = FdTable::instance();
    if ((flags & CLOSE_RANGE_UNSHARE) != 0 && current_fiber() != nullptr) {
        return -EINVAL;  // the workers are kernel threads of one table
    }
    if (first > last || flags != 0) {
        return sys::call(SYS_close_range, first, last, flags);
    }
    for (long fd = first; fd <= last && fd <= table.highest(); ++fd) {
        if (table.entry(static_cast<int>(fd))->life() != FdEntry::Life::unknown) {
            fd_close(static_cast<int>(fd));
        }
    }
    long result = 0;
    for (long from = first; from <= last && result == 0;) {
        long own = table.first_own(from, last);
        result = own > from ? sys::call(SYS_close_range, from, own - 1, 0) : 0;
        from = own + 1;
    }
    return result;
}

long fd_dup(int fd) { return born_copy(fd, sys::call(SYS_dup, fd)); }

long fd_dup_to(int fd, int to, int flags) {
    FdEntry* target = FdTable::instance().entry(to);
    bool same = fd == to;
    bool exists = sys::call(SYS_fcntl, fd, F_GETFD) >= 0;
    if (same || !exists || target == nullptr) {
        return flags < 0 ? sys::call(SYS_dup2, fd, to) : sys::call(SYS_dup3, fd, to, flags);
    }
    if (target->has(FdEntry::kOwn) || !target->begin_close()) {
        return -EBUSY;
    }
    forget_everywhere(to, *target);
    long result = sys::call(SYS_dup3, fd, to, flags < 0 ? 0 : flags);
    if (result < 0) {
        target->end_close();
        return result;
    }
    return born_copy(fd, result);
}

long fd_fcntl(int fd, int command, unsigned long arg) {
    FdEntry* entry = FdTable::instance().entry(fd);
    long result = 0;
    switch (command) {
        case F_GETFL:
            result = sys::call(SYS_fcntl, fd, F_GETFL);
            if (result >= 0 && entry != nullptr && entry->has(FdEntry::kHidden)) {
                result = entry->has(FdEntry::kNonblocking) ? result | O_NONBLOCK : result & ~O_NONBLOCK;
            }
            return result;
        case F_SETFL:
            return entry != nullptr ? set_flags(fd, *entry, arg)
                                    : sys::call(SYS_fcntl, fd, command, static_cast<long>(arg));
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
            return born_copy(fd, sys::call(SYS_fcntl, fd, command, static_cast<long>(arg)));
        case F_SETLKW:
        case F_OFD_SETLKW:
            if (current_fiber() != nullptr) {
                return io_lock(fd, command, static_cast<long>(arg));
            }
            break;
        default:
            break;
    }
    return sys::call(SYS_fcntl, fd, command, static_cast<long>(arg));
}

long fd_ioctl(int fd, unsigned long request, void* arg) {
    FdEntry* entry = FdTable::instance().entry(fd);
    if (request == FIONBIO && entry != nullptr && arg != nullptr) {
        long flags = fd_fcntl(fd, F_GETFL, 0);
        if (flags < 0) {
            return flags;
        }
        int on;
        memcpy(&on, arg, sizeof on);
        return set_flags(fd, *entry, static_cast<unsigned long>(on != 0 ? flags | O_NONBLOCK : flags & ~O_NONBLOCK));
    }
    return sys::call(SYS_ioctl, fd, static_cast<long>(request), sys::to_arg(arg));
}

long fd_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
    long result = sys::call(SYS_setsockopt, fd, level, name, sys::to_arg(value), length);
    FdEntry* entry = result == 0 ? FdTable::instance().find(fd) : nullptr;
    if (entry != nullptr && sets_timeout(level, name) && length >= sizeof(timeval)) {
        note_timeout(*entry, name, value);
    }
    if (entry != nullptr && level == SOL_TCP && name == TCP_ULP) {
        entry->set(FdEntry::kNeverSkip);
    }
    return result;
}

long fd_waits(int fd) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    return entry->kind() != FdKind::file ? 1 : 0;
}

long fd_remote(int fd) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    return entry->has(FdEntry::kRemote) ? 1 : 0;
}

}  // namespace rondo
