// SPDX-License-Identifier: Apache-2.0
//
// See message_ops.h. Stream sockets move one message at a time: asked without waiting, the kernel would end a vector
// with half a message where the blocking call moves all of it.

#include "runtime/io/message_ops.h"

#include <cerrno>

#include "runtime/core/cancel.h"
#include "runtime/io/io_ops.h"
#include "runtime/io/message_fds.h"

namespace rondo {

namespace {

constexpr unsigned kMostMessages = 1024;  // UIO_MAXIOV: the kernel sends no more at once

// What the kernel can receive now: how many, or -errno.
long receive_at_once(int fd, mmsghdr* messages, unsigned count, int flags) {
    long got = sys::call(SYS_recvmmsg, fd, sys::to_arg(messages), count, flags | MSG_DONTWAIT, 0);
    for (long i = 0; i < got; ++i) {
        note_received_fds(messages[i].msg_hdr);
    }
    return got;
}

long receive_one(int fd, mmsghdr& message, int flags) {
    long result = io_recvmsg(fd, &message.msg_hdr, flags);
    if (result >= 0) {
        message.msg_len = static_cast<unsigned>(result);
    }
    return result;
}

// False: no time is left.
bool tell_time_left(timespec& timeout, Nanoseconds end) {
    Nanoseconds left = end - now_ns();
    timeout = to_timespec(left > 0 ? left : 0);
    return left > 0;
}

long receive_each(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    bool batches = FdTable::instance().entry(fd)->kind() == FdKind::datagram && timeout == nullptr;
    Nanoseconds end = timeout != nullptr ? add_ns(now_ns(), to_ns(*timeout)) : kNever;
    int later_flags = flags | ((flags & MSG_WAITFORONE) != 0 ? MSG_DONTWAIT : 0);
    unsigned got = 0;
    while (got < count) {
        long result = receive_one(fd, messages[got], got == 0 ? flags : later_flags);
        if (result < 0) {
            return got > 0 ? got : result;
        }
        ++got;
        if (timeout != nullptr && !tell_time_left(*timeout, end)) {
            return got;
        }
        if (batches && got < count) {
            long more = receive_at_once(fd, messages + got, count - got, flags);
            got += more > 0 ? static_cast<unsigned>(more) : 0;
        }
    }
    return got;
}

long send_one(int fd, mmsghdr& message, int flags) {
    long result = io_sendmsg(fd, &message.msg_hdr, flags);
    if (result >= 0) {
        message.msg_len = static_cast<unsigned>(result);
    }
    return result;
}

long send_each(int fd, mmsghdr* messages, unsigned count, int flags) {
    bool batches = FdTable::instance().entry(fd)->kind() == FdKind::datagram;
    unsigned sent = 0;
    while (sent < count) {
        long now =
            batches ? sys::call(SYS_sendmmsg, fd, sys::to_arg(messages + sent), count - sent, flags | MSG_DONTWAIT) : 0;
        sent += now > 0 ? static_cast<unsigned>(now) : 0;
        if (sent == count) {
            break;
        }
        long result = send_one(fd, messages[sent], flags);
        if (result < 0) {
            return sent > 0 ? sent : result;
        }
        ++sent;
    }
    return answered(sent);
}

}  // namespace

long io_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    cancellation_point();
    if (timeout != nullptr && (!is_valid(*timeout) || timeout->tv_sec < 0)) {
        return -EINVAL;
    }
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (never_waits(fd, *entry, flags)) {
        return answered(receive_at_once(fd, messages, count, flags));
    }
    return receive_each(fd, messages, count, flags, timeout);
}

long io_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    count = count < kMostMessages ? count : kMostMessages;
    for (unsigned i = 0; i < count; ++i) {
        note_passed_fds(messages[i].msg_hdr);
    }
    if (never_waits(fd, *entry, flags)) {
        return answered(sys::call(SYS_sendmmsg, fd, sys::to_arg(messages), count, flags));
    }
    return send_each(fd, messages, count, flags);
}

}  // namespace rondo
