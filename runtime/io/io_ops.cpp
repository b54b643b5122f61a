// SPDX-License-Identifier: Apache-2.0
//
// See io_ops.h. Each call finds the descriptor's entry, leaves non-blocking ones to the kernel, and otherwise builds an
// operation. Sockets take recv and send; other things that can wait take vectors with RWF_NOWAIT, and a kernel thread
// where the kernel cannot do that; files go to file_ops.

#include "runtime/io/io_ops.h"

#include <fcntl.h>

#include <cerrno>
#include <climits>

#include "runtime/core/blocking_call.h"
#include "runtime/core/cancel.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/worker.h"
#include "runtime/io/file_ops.h"
#include "runtime/io/message_fds.h"

namespace rondo {

namespace {

void request_stop(Waiter& waiter, WakeCause cause) {
    waiter.operation->request = cause;
    self_->backend().cancel(*waiter.operation);
}

// The kernel's SIGPIPE went to whoever made the call in the thread's place.
long told_of_broken_pipe(long result, const IoOp& op) {
    if (result == -EPIPE && !op.reads() && (op.flags & MSG_NOSIGNAL) == 0) {
        raise_broken_pipe(*current_fiber());
    }
    return result;
}

// A vector operation. A descriptor that knows no RWF_NOWAIT is made non-blocking if it is ours alone; else a kernel
// thread waits once it is ready.
long perform_vector(IoOp& op, FdEntry& entry) {
    long result = perform(op, 0);
    bool may_hide = result == -EOPNOTSUPP && entry.kind() != FdKind::file;
    if (may_hide && FdTable::instance().hide_nonblocking(op.fd, entry)) {
        result = perform(op, 0);
    }
    if (result != -EOPNOTSUPP) {
        return result;
    }
    short events = op.reads() ? POLLIN : POLLOUT;
    result = entry.kind() == FdKind::file ? 1 : wait_ready(op.fd, events, 0);
    if (result < 0 && result != -EOPNOTSUPP) {
        return result;
    }
    return call_on_thread(op.reads() ? SYS_readv : SYS_writev, op.fd, sys::to_arg(op.vector),
                          static_cast<long>(op.length));
}

// Others may run before the call; true: it is interrupted before it has done anything.
bool interrupted_before(const char* call, Nanoseconds timeout) {
    choice_point(call);
    return interrupted_by_choice(timeout > 0 ? Restart::never : Restart::allowed, call);
}

// How much of a stream this call moves: what POSIX leaves open. A pipe keeps pieces of PIPE_BUF bytes together.
size_t piece_of(size_t length, const FdEntry& entry, const char* call) {
    size_t least = entry.kind() == FdKind::pipe ? PIPE_BUF : 1;
    bool stream = entry.kind() == FdKind::tcp || entry.kind() == FdKind::stream || entry.kind() == FdKind::pipe;
    if (!exploring() || !stream || length <= least) {
        return length;
    }
    size_t half = length / 2 > least ? length / 2 : least;
    unsigned piece = choose(ChoiceKind::piece, 3, call);
    return piece == 0 ? length : piece == 1 ? least : half;
}

bool waits_for_all(const FdEntry& entry, int flags) {
    return (flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL && entry.kind() != FdKind::datagram;
}

long plain_vector(long number, int fd, const iovec* vector, int count) {
    return answered(sys::call(number, fd, sys::to_arg(vector), count));
}

// Only files have positions; what else there is answers at once, if it is not asked for its own offset.
long positional(long number, int fd, const iovec* vector, int count, FilePlace place) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (entry->kind() != FdKind::file) {
        long arg = sys::to_arg(vector);
        return place.offset == FilePlace::kCurrent
                   ? call_on_thread(number, fd, arg, count, place.offset, 0, place.flags)
                   : answered(sys::call(number, fd, arg, count, place.offset, 0, place.flags));
    }
    return number == SYS_preadv2 ? read_file(fd, vector, count, place) : write_file(fd, vector, count, place);
}

size_t length_of(const msghdr& message) {
    size_t total = 0;
    for (size_t i = 0; i < message.msg_iovlen; ++i) {
        total += message.msg_iov[i].iov_len;
    }
    return total;
}

// Whether a first try moved everything or failed for good.
bool is_over(long sent, size_t length, const FdEntry& entry) {
    bool whole = entry.kind() != FdKind::datagram;
    return sent >= 0 ? !whole || static_cast<size_t>(sent) >= length : sent != -EAGAIN;
}

// What a first try left. Out of line, so that a send that is over at once has a small frame.
[[gnu::noinline]] long send_rest(IoKind kind, int fd, void* what, size_t length, int flags, long sent) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return sent > 0 ? sent : -EBADF;
    }
    IoOp op(kind, fd, WaitReason::write);
    if (kind == IoKind::send) {
        op.buffer = what;
    } else {
        op.message = static_cast<msghdr*>(what);
    }
    op.length = length;
    op.done = sent > 0 ? static_cast<size_t>(sent) : 0;
    op.flags = flags;
    op.whole = entry->kind() != FdKind::datagram;
    return perform(op, entry->send_timeout.load(std::memory_order_relaxed));
}

msghdr message_of(const iovec* vector, int count) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(vector);
    message.msg_iovlen = static_cast<size_t>(count);
    return message;
}

}  // namespace

long answered(long result) {
    if (result == -EAGAIN) {
        self_->yield_current();
    } else {
        self_->spend_budget("I/O");
    }
    return result;
}

bool is_nonblocking(int fd, const FdEntry& entry) {
    if (!entry.has(FdEntry::kShared)) {
        return entry.has(FdEntry::kNonblocking);
    }
    long flags = sys::call(SYS_fcntl, fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

bool never_waits(int fd, const FdEntry& entry, int flags) {
    constexpr int kNeverWaits = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB;
    return !entry.is_socket() || (flags & kNeverWaits) != 0 || is_nonblocking(fd, entry);
}

// A signal lets the call go on only if it has no timeout, as the kernel has it for sockets.
long perform(IoOp& op, Nanoseconds timeout) {
    Worker& worker = *self_;
    op.waiter.interrupt = request_stop;
    op.waiter.interruptible = true;
    choice_point(wait_reason_name(op.waiter.reason));
    bool may_be_interrupted = op.kind != IoKind::connect && op.kind != IoKind::poll && op.done == 0;
    if (may_be_interrupted && interrupted_by_choice(timeout > 0 ? Restart::never : Restart::allowed, "I/O")) {
        return -EINTR;
    }
    for (;;) {
        if (worker.backend().submit(op)) {
            worker.spend_budget(wait_reason_name(op.waiter.reason));
            return op.result;
        }
        Deadline deadline;
        if (timeout > 0) {
            deadline.at = add_ns(now_ns(), timeout);
        }
        park(op.waiter, {}, deadline);
        if (op.result != -ECANCELED || op.request == WakeCause::pending) {
            return told_of_broken_pipe(op.result, op);
        }
        if (op.request == WakeCause::cancelled) {
            cancellation_point();
        }
        if (op.request != WakeCause::interrupted) {
            return -EAGAIN;
        }
        if (interrupted(timeout > 0 ? Restart::never : Restart::allowed)) {
            return -EINTR;
        }
        op.begin_again();
    }
}

long call_on_thread(long number, int fd, long b, long c, long d, long e, long f) {
    return finish_blocking_call({{number, {fd, b, c, d, e, f}}, fd}, Restart::allowed);
}

long io_recv(int fd, void* buffer, size_t length, int flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    length = waits_for_all(*entry, flags) ? length : piece_of(length, *entry, "recv");
    if (never_waits(fd, *entry, flags)) {
        return answered(sys::call(SYS_recvfrom, fd, sys::to_arg(buffer), static_cast<long>(length), flags));
    }
    IoOp op(IoKind::recv, fd, WaitReason::read);
    op.buffer = buffer;
    op.length = length;
    op.flags = flags;
    op.whole = waits_for_all(*entry, flags);
    return perform(op, entry->receive_timeout.load(std::memory_order_relaxed));
}

long io_recvmsg(int fd, msghdr* message, int flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    long result = 0;
    if (entry == nullptr) {
        return -EBADF;
    }
    if (never_waits(fd, *entry, flags)) {
        result = answered(sys::call(SYS_recvmsg, fd, sys::to_arg(message), flags));
    } else {
        IoOp op(IoKind::recvmsg, fd, WaitReason::read);
        op.message = message;
        op.length = message->msg_controllen;
        op.flags = flags;
        op.whole = waits_for_all(*entry, flags);
        result = perform(op, entry->receive_timeout.load(std::memory_order_relaxed));
    }
    if (result >= 0) {
        note_received_fds(*message);
    }
    return result;
}

long io_send(int fd, const void* buffer, size_t length, int flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (never_waits(fd, *entry, flags)) {
        length = piece_of(length, *entry, "send");
        return answered(sys::call(SYS_sendto, fd, sys::to_arg(buffer), static_cast<long>(length), flags));
    }
    if (interrupted_before("write", entry->send_timeout.load(std::memory_order_relaxed))) {
        return -EINTR;
    }
    long sent = self_->backend().send_now(IoKind::send, fd, buffer, length, flags);
    if (is_over(sent, length, *entry)) {
        self_->spend_budget("send");
        return sent;
    }
    return send_rest(IoKind::send, fd, const_cast<void*>(buffer), length, flags, sent);
}

long io_sendmsg(int fd, const msghdr* message, int flags) {
    cancellation_point();
    FdEntry* entry = FdTable::instance().find(fd);
    note_passed_fds(*message);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (never_waits(fd, *entry, flags)) {
        return answered(sys::call(SYS_sendmsg, fd, sys::to_arg(message), flags));
    }
    if (interrupted_before("write", entry->send_timeout.load(std::memory_order_relaxed))) {
        return -EINTR;
    }
    long sent = self_->backend().send_now(IoKind::sendmsg, fd, message, 0, flags);
    if (is_over(sent, length_of(*message), *entry)) {
        self_->spend_budget("send");
        return sent;
    }
    return send_rest(IoKind::sendmsg, fd, const_cast<msghdr*>(message), 0, flags, sent);
}

long io_readv(int fd, const iovec* vector, int count) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry != nullptr && entry->is_socket() && count >= 0) {
        msghdr message = message_of(vector, count);
        return io_recvmsg(fd, &message, 0);
    }
    cancellation_point();
    if (entry == nullptr) {
        return -EBADF;
    }
    if (entry->kind() == FdKind::file) {
        return read_file(fd, vector, count);
    }
    if (is_nonblocking(fd, *entry)) {
        return plain_vector(SYS_readv, fd, vector, count);
    }
    IoOp op(IoKind::readv, fd, WaitReason::read);
    op.vector = vector;
    op.length = static_cast<size_t>(count);
    return perform_vector(op, *entry);
}

long io_preadv(int fd, const iovec* vector, int count, FilePlace place) {
    if (place.offset == FilePlace::kCurrent && place.flags == 0) {
        return io_readv(fd, vector, count);
    }
    cancellation_point();
    return positional(SYS_preadv2, fd, vector, count, place);
}

long io_read(int fd, void* buffer, size_t length) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (length == 0) {
        cancellation_point();
        return sys::call(SYS_read, fd, sys::to_arg(buffer), static_cast<long>(length));
    }
    if (entry->is_socket()) {
        long result = io_recv(fd, buffer, length, 0);
        if (result != -ENOTSOCK) {
            return result;
        }
        entry->end_life();  // the number was given to something else behind our back
    }
    iovec vector{buffer, piece_of(length, *entry, "read")};
    return io_readv(fd, &vector, 1);
}

long io_writev(int fd, const iovec* vector, int count) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry != nullptr && entry->is_socket() && count >= 0) {
        msghdr message = message_of(vector, count);
        return io_sendmsg(fd, &message, 0);
    }
    cancellation_point();
    if (entry == nullptr) {
        return -EBADF;
    }
    if (entry->kind() == FdKind::file) {
        return write_file(fd, vector, count);
    }
    if (is_nonblocking(fd, *entry)) {
        return plain_vector(SYS_writev, fd, vector, count);
    }
    IoOp op(IoKind::writev, fd, WaitReason::write);
    op.vector = vector;
    op.length = static_cast<size_t>(count);
    op.whole = entry->kind() == FdKind::pipe;
    return perform_vector(op, *entry);
}

long io_pwritev(int fd, const iovec* vector, int count, FilePlace place) {
    if (place.offset == FilePlace::kCurrent && place.flags == 0) {
        return io_writev(fd, vector, count);
    }
    cancellation_point();
    return positional(SYS_pwritev2, fd, vector, count, place);
}

long io_write(int fd, const void* buffer, size_t length) {
    FdEntry* entry = FdTable::instance().find(fd);
    if (entry == nullptr) {
        return -EBADF;
    }
    if (length == 0) {
        cancellation_point();
        return sys::call(SYS_write, fd, sys::to_arg(buffer), static_cast<long>(length));
    }
    if (entry->is_socket()) {
        long result = io_send(fd, buffer, length, 0);
        if (result != -ENOTSOCK) {
            return result;
        }
        entry->end_life();  // the number was given to something else behind our back
    }
    iovec vector{const_cast<void*>(buffer), is_nonblocking(fd, *entry) ? piece_of(length, *entry, "write") : length};
    return io_writev(fd, &vector, 1);
}

}  // namespace rondo
