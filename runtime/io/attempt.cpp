// SPDX-License-Identifier: Apache-2.0
//
// The system calls of each kind of operation. `whole` operations go on until everything is moved or the call would
// block; op.done remembers where they are.

#include "runtime/io/attempt.h"

#include <poll.h>

#include <cerrno>

#include "runtime/base/sys.h"
#include "runtime/io/fd_table.h"

namespace rondo {

namespace {

constexpr int kSliceElements = 16;

// The elements of a vector behind the first `skip` bytes, at most kSliceElements of them; returns how many.
int slice(const iovec* vector, size_t count, size_t skip, iovec* out, size_t& bytes) {
    int used = 0;
    bytes = 0;
    for (size_t i = 0; i < count && used < kSliceElements; ++i) {
        if (skip >= vector[i].iov_len) {
            skip -= vector[i].iov_len;
            continue;
        }
        out[used] = {static_cast<char*>(vector[i].iov_base) + skip, vector[i].iov_len - skip};
        bytes += out[used].iov_len;
        skip = 0;
        ++used;
    }
    return used;
}

// What goes on behind the first part stands in functions of its own, out of line: their arrays would make the frame of
// every attempt so large that a thread which sends a message touches a second page of its stack.
[[gnu::noinline]] long send_rest_of_message(IoOp& op, size_t& asked) {
    iovec elements[kSliceElements];
    msghdr rest{};
    rest.msg_iovlen = slice(op.message->msg_iov, op.message->msg_iovlen, op.done, elements, asked);
    rest.msg_iov = elements;
    return sys::call(SYS_sendmsg, op.fd, sys::to_arg(&rest), op.flags | MSG_DONTWAIT);
}

// A part that brings control data is the last: the next one's would have no room. Until then each part may use all of
// it.
[[gnu::noinline]] long receive_rest_of_message(IoOp& op, size_t& asked) {
    msghdr rest = *op.message;
    iovec elements[kSliceElements];
    rest.msg_name = nullptr;
    rest.msg_namelen = 0;
    rest.msg_controllen = op.length;
    rest.msg_iovlen = slice(op.message->msg_iov, op.message->msg_iovlen, op.done, elements, asked);
    rest.msg_iov = elements;
    long result = sys::call(SYS_recvmsg, op.fd, sys::to_arg(&rest), op.flags | MSG_DONTWAIT);
    if (result > 0) {
        op.message->msg_controllen = rest.msg_controllen;
        op.message->msg_flags |= rest.msg_flags;
    }
    return result;
}

bool brought_control_data(const IoOp& op) {
    return op.kind == IoKind::recvmsg && (op.message->msg_controllen > 0 || (op.message->msg_flags & MSG_CTRUNC) != 0);
}

// Whether O_NONBLOCK is set on the description, by us. It is taken away when others get to share it, also while an
// operation waits.
bool hidden_nonblocking(int fd) {
    FdEntry* entry = FdTable::instance().entry(fd);
    return entry != nullptr && entry->has(FdEntry::kHidden);
}

long accept_call(const IoOp& op) {
    if (!hidden_nonblocking(op.fd)) {
        return -EOPNOTSUPP;
    }
    return sys::call(SYS_accept4, op.fd, sys::to_arg(op.address), sys::to_arg(op.address_length), op.flags);
}

// RWF_NOWAIT of <linux/fs.h>, or the O_NONBLOCK that we hide; the position -1 means the file's own.
[[gnu::noinline]] long vector_call(IoOp& op, size_t& asked) {
    constexpr long kNoWait = 8;
    iovec elements[kSliceElements];
    const iovec* vector = op.vector;
    auto count = static_cast<long>(op.length);
    asked = SIZE_MAX;
    if (op.done > 0) {
        count = slice(op.vector, op.length, op.done, elements, asked);
        vector = elements;
    }
    long number = op.kind == IoKind::readv ? SYS_preadv2 : SYS_pwritev2;
    return sys::call(number, op.fd, sys::to_arg(vector), count, -1, -1, hidden_nonblocking(op.fd) ? 0 : kNoWait);
}

// Once the descriptor is ready, asking again tells how the attempt ended and, after a failure, lets the socket be used
// for another one (SO_ERROR would leave it half connected).
long connect_again(const IoOp& op) {
    pollfd look{op.fd, POLLOUT, 0};
    timespec now{};
    if (sys::call(SYS_ppoll, sys::to_arg(&look), 1, sys::to_arg(&now)) == 0) {
        return -EAGAIN;
    }
    long result = sys::call(SYS_connect, op.fd, sys::to_arg(op.address), static_cast<long>(op.length));
    return result == -EALREADY ? -EAGAIN : result;
}

long system_call(IoOp& op, size_t& asked) {
    asked = op.length - op.done;
    char* position = static_cast<char*>(op.buffer) + op.done;
    long flags = op.flags | MSG_DONTWAIT;
    switch (op.kind) {
        case IoKind::recv:
            return sys::call(SYS_recvfrom, op.fd, sys::to_arg(position), static_cast<long>(asked), flags);
        case IoKind::send:
            return send_once(op.kind, op.fd, position, asked, op.flags);
        case IoKind::recvmsg:
            return op.done > 0 ? receive_rest_of_message(op, asked)
                               : sys::call(SYS_recvmsg, op.fd, sys::to_arg(op.message), flags);
        case IoKind::sendmsg:
            return op.done > 0 ? send_rest_of_message(op, asked) : send_once(op.kind, op.fd, op.message, 0, op.flags);
        case IoKind::readv:
        case IoKind::writev:
            return vector_call(op, asked);
        case IoKind::accept:
            return accept_call(op);
        case IoKind::connect:
            return connect_again(op);
        case IoKind::poll:
            break;
    }
    return -EAGAIN;
}

bool moves_bytes(IoKind kind) { return kind != IoKind::accept && kind != IoKind::connect && kind != IoKind::poll; }

size_t total_length(const IoOp& op) {
    switch (op.kind) {
        case IoKind::recvmsg:
        case IoKind::sendmsg: {
            size_t total = 0;
            for (size_t i = 0; i < op.message->msg_iovlen; ++i) {
                total += op.message->msg_iov[i].iov_len;
            }
            return total;
        }
        case IoKind::writev: {
            size_t total = 0;
            for (size_t i = 0; i < op.length; ++i) {
                total += op.vector[i].iov_len;
            }
            return total;
        }
        default:
            return op.length;
    }
}

}  // namespace

long send_once(IoKind kind, int fd, const void* what, size_t length, int flags) {
    long result = -EINTR;
    while (result == -EINTR) {
        result = kind == IoKind::send
                     ? sys::call(SYS_sendto, fd, sys::to_arg(what), static_cast<long>(length), flags | MSG_DONTWAIT)
                     : sys::call(SYS_sendmsg, fd, sys::to_arg(what), flags | MSG_DONTWAIT);
    }
    return result;
}

long partial_result(const IoOp& op, long error) { return op.done > 0 ? static_cast<long>(op.done) : error; }

Attempt attempt(IoOp& op, bool& drained) {
    for (;;) {
        size_t asked = 0;
        long result = system_call(op, asked);
        if (result == -EINTR) {
            continue;
        }
        if (result == -EAGAIN) {
            return Attempt::would_block;
        }
        if (result == -EOPNOTSUPP && (op.kind == IoKind::readv || op.kind == IoKind::writev)) {
            return Attempt::unsupported;
        }
        bool moved = result > 0 && moves_bytes(op.kind);
        if (!moved) {
            op.result = result < 0 ? partial_result(op, result) : result + static_cast<long>(op.done);
            return Attempt::finished;
        }
        op.done += static_cast<size_t>(result);
        drained = op.kind == IoKind::recv && static_cast<size_t>(result) < asked && (op.flags & MSG_PEEK) == 0;
        if (!op.whole || op.done >= total_length(op) || brought_control_data(op)) {
            op.result = static_cast<long>(op.done);
            return Attempt::finished;
        }
    }
}

}  // namespace rondo
