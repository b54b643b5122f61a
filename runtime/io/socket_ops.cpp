// SPDX-License-Identifier: Apache-2.0
//
// Accept and connect on a fiber (declared in io_ops.h). Neither can be told per call not to wait, so the description
// has to be non-blocking while we ask. On a description of our own we make it so: a listener stays so, hidden from the
// program (F_GETFL), until the description is shared; a connecting socket only for the call. Where others share the
// description it is never changed: a kernel thread waits, once the descriptor is ready.

#include <fcntl.h>

#include <cerrno>

#include "runtime/core/blocking_call.h"
#include "runtime/core/cancel.h"
#include "runtime/core/worker.h"
#include "runtime/io/fd_ops.h"
#include "runtime/io/io_ops.h"

namespace rondo {

namespace {

bool is_ready(int fd, short events) {
    pollfd look{fd, events, 0};
    timespec now{};
    return sys::call(SYS_ppoll, sys::to_arg(&look), 1, sys::to_arg(&now)) > 0;
}

// One of our threads at a time takes what made the listener ready, so that the others are not drawn into the kernel.
long accept_shared(int fd, FdEntry& listener, sockaddr* address, socklen_t* length, int flags) {
    Nanoseconds timeout = listener.receive_timeout.load(std::memory_order_relaxed);
    Restart restart = timeout > 0 ? Restart::never : Restart::allowed;
    for (;;) {
        long ready = wait_ready(fd, POLLIN, timeout);
        if (ready < 0) {
            return ready;
        }
        if (!listener.begin_accept()) {
            self_->yield_current();
            continue;
        }
        bool still_ready = is_ready(fd, POLLIN);
        BlockingCall call{{SYS_accept4, {fd, sys::to_arg(address), sys::to_arg(length), flags}}, fd};
        long accepted = still_ready ? make_blocking_call(call) : 0;
        listener.end_accept();
        bool again = accepted == -EINTR && !fails_with_eintr(call, restart);
        if (still_ready && !again) {
            return accepted;
        }
    }
}

long finish_connect(int fd, const FdEntry& entry, const sockaddr* address, socklen_t length) {
    IoOp op(IoKind::connect, fd, WaitReason::connect);
    op.address = const_cast<sockaddr*>(address);
    op.length = length;
    long result = perform(op, entry.send_timeout.load(std::memory_order_relaxed));
    return result == -EAGAIN ? -EINPROGRESS : result;
}

}  // namespace

long io_accept(int fd, sockaddr* address, socklen_t* length, int flags) {
    cancellation_point();
    FdEntry* listener = FdTable::instance().find(fd);
    if (listener == nullptr) {
        return -EBADF;
    }
    if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) != 0) {
        return -EINVAL;
    }
    if (!listener->is_socket() || is_nonblocking(fd, *listener)) {
        return answered(fd_accept(fd, address, length, flags));
    }
    long accepted = -EOPNOTSUPP;
    if (FdTable::instance().hide_nonblocking(fd, *listener)) {
        IoOp op(IoKind::accept, fd, WaitReason::accept);
        op.address = address;
        op.address_length = length;
        op.flags = flags;
        accepted = perform(op, listener->receive_timeout.load(std::memory_order_relaxed));
    }
    if (accepted == -EOPNOTSUPP && !listener->has(FdEntry::kHidden)) {  // shared, perhaps only since we waited
        accepted = accept_shared(fd, *listener, address, length, flags);
    }
    return born_accepted(fd, accepted, flags);
}

long io_connect(int fd, const sockaddr* address, socklen_t length) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    bool immediate = !entry->is_socket() || entry->kind() == FdKind::datagram;
    if (immediate || is_nonblocking(fd, *entry)) {
        return answered(sys::call(SYS_connect, fd, sys::to_arg(address), length));
    }
    if (entry->has(FdEntry::kShared)) {
        return call_on_thread(SYS_connect, fd, sys::to_arg(address), length);
    }
    long flags = sys::call(SYS_fcntl, fd, F_GETFL);
    sys::call(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    long result = sys::call(SYS_connect, fd, sys::to_arg(address), length);
    sys::call(SYS_fcntl, fd, F_SETFL, flags);
    if (result == -EINPROGRESS) {
        return finish_connect(fd, *entry, address, length);
    }
    if (result == -EAGAIN) {
        // A Unix listener's queue is full; no event tells when it has room.
        return call_on_thread(SYS_connect, fd, sys::to_arg(address), length);
    }
    self_->spend_budget("I/O");
    return result;
}

}  // namespace rondo
