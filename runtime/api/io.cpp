// SPDX-License-Identifier: Apache-2.0
//
// Descriptors and sleeping: the C façade. On a thread of the runtime a call goes to the io floor; on any other kernel
// thread it is the plain system call, and only births and deaths of descriptors are noted.

#include <fcntl.h>

#include "runtime/api/result.h"
#include "runtime/core/cancel.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/fd_ops.h"
#include "runtime/io/io_ops.h"
#include "runtime/io/message_ops.h"
#include "runtime/io/offload_pool.h"
#include "runtime/sync/futex.h"
#include "runtime/system/futex_call.h"

using namespace rondo;

extern "C" {

int rondo_socket(int domain, int type, int protocol) { return as_int(fd_socket(domain, type, protocol)); }

int rondo_socketpair(int domain, int type, int protocol, int pair[2]) {
    return as_int(fd_socketpair(domain, type, protocol, pair));
}

int rondo_accept(int fd, struct sockaddr* address, socklen_t* length) { return rondo_accept4(fd, address, length, 0); }

int rondo_accept4(int fd, struct sockaddr* address, socklen_t* length, int flags) {
    return as_int(on_fiber() ? io_accept(fd, address, length, flags) : fd_accept(fd, address, length, flags));
}

int rondo_connect(int fd, const struct sockaddr* address, socklen_t length) {
    return as_int(on_fiber() ? io_connect(fd, address, length) : plain(SYS_connect, fd, sys::to_arg(address), length));
}

int rondo_setsockopt(int fd, int level, int name, const void* value, socklen_t length) {
    return as_int(fd_setsockopt(fd, level, name, value, length));
}

ssize_t rondo_recv(int fd, void* buffer, size_t length, int flags) {
    return to_errno(on_fiber() ? io_recv(fd, buffer, length, flags)
                               : plain(SYS_recvfrom, fd, sys::to_arg(buffer), length, flags));
}

ssize_t rondo_recvfrom(int fd, void* buffer, size_t length, int flags, struct sockaddr* address, socklen_t* addrlen) {
    if (address == nullptr) {
        return rondo_recv(fd, buffer, length, flags);
    }
    if (!on_fiber()) {
        return to_errno(
            plain(SYS_recvfrom, fd, sys::to_arg(buffer), length, flags, sys::to_arg(address), sys::to_arg(addrlen)));
    }
    iovec vector{buffer, length};
    msghdr message{};
    message.msg_name = address;
    message.msg_namelen = *addrlen;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    long result = io_recvmsg(fd, &message, flags);
    if (result >= 0) {
        *addrlen = message.msg_namelen;
    }
    return to_errno(result);
}

ssize_t rondo_recvmsg(int fd, struct msghdr* message, int flags) {
    return to_errno(on_fiber() ? io_recvmsg(fd, message, flags) : plain(SYS_recvmsg, fd, sys::to_arg(message), flags));
}

ssize_t rondo_send(int fd, const void* buffer, size_t length, int flags) {
    return to_errno(on_fiber() ? io_send(fd, buffer, length, flags)
                               : plain(SYS_sendto, fd, sys::to_arg(buffer), length, flags));
}

ssize_t rondo_sendto(int fd, const void* buffer, size_t length, int flags, const struct sockaddr* address,
                     socklen_t addrlen) {
    if (address == nullptr) {
        return rondo_send(fd, buffer, length, flags);
    }
    if (!on_fiber()) {
        return to_errno(plain(SYS_sendto, fd, sys::to_arg(buffer), length, flags, sys::to_arg(address), addrlen));
    }
    iovec vector{const_cast<void*>(buffer), length};
    msghdr message{};
    message.msg_name = const_cast<struct sockaddr*>(address);
    message.msg_namelen = addrlen;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    return to_errno(io_sendmsg(fd, &message, flags));
}

ssize_t rondo_sendmsg(int fd, const struct msghdr* message, int flags) {
    return to_errno(on_fiber() ? io_sendmsg(fd, message, flags) : plain(SYS_sendmsg, fd, sys::to_arg(message), flags));
}

int rondo_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout) {
    return as_int(on_fiber() ? io_recvmmsg(fd, messages, count, flags, timeout)
                             : plain(SYS_recvmmsg, fd, sys::to_arg(messages), count, flags, sys::to_arg(timeout)));
}

int rondo_sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags) {
    return as_int(on_fiber() ? io_sendmmsg(fd, messages, count, flags)
                             : plain(SYS_sendmmsg, fd, sys::to_arg(messages), count, flags));
}

ssize_t rondo_read(int fd, void* buffer, size_t length) {
    return to_errno(on_fiber() ? io_read(fd, buffer, length) : plain(SYS_read, fd, sys::to_arg(buffer), length));
}

ssize_t rondo_write(int fd, const void* buffer, size_t length) {
    return to_errno(on_fiber() ? io_write(fd, buffer, length) : plain(SYS_write, fd, sys::to_arg(buffer), length));
}

ssize_t rondo_readv(int fd, const struct iovec* vector, int count) {
    return to_errno(on_fiber() ? io_readv(fd, vector, count) : plain(SYS_readv, fd, sys::to_arg(vector), count));
}

ssize_t rondo_writev(int fd, const struct iovec* vector, int count) {
    return to_errno(on_fiber() ? io_writev(fd, vector, count) : plain(SYS_writev, fd, sys::to_arg(vector), count));
}

int rondo_close(int fd) {
    cancellation_point();
    return as_int(fd_close(fd));
}

int rondo_close_range(unsigned first, unsigned last, int flags) { return as_int(fd_close_range(first, last, flags)); }

int rondo_dup(int fd) { return as_int(fd_dup(fd)); }

int rondo_dup2(int fd, int to) { return as_int(fd_dup_to(fd, to, -1)); }

int rondo_dup3(int fd, int to, int flags) { return as_int(fd_dup_to(fd, to, flags)); }

int rondo_pipe(int ends[2]) { return as_int(fd_pipe(ends, 0)); }

int rondo_pipe2(int ends[2], int flags) { return as_int(fd_pipe(ends, flags)); }

int rondo_fcntl(int fd, int command, unsigned long arg) { return as_int(fd_fcntl(fd, command, arg)); }

int rondo_ioctl(int fd, unsigned long request, void* arg) { return as_int(fd_ioctl(fd, request, arg)); }

int rondo_futex_wait(const uint32_t* word, uint32_t expected, const struct timespec* deadline) {
    Deadline until;
    if (deadline != nullptr) {
        until.at = to_ns(*deadline);
    }
    return futex_wait(word, expected, until);
}

int rondo_futex_wake(const uint32_t* word, int count) { return futex_wake(word, count); }

long rondo_futex(uint32_t* word, int operation, uint32_t value, const struct timespec* timeout, uint32_t* word2,
                 uint32_t value3) {
    return to_errno(futex_call({word, operation, value, timeout, word2, value3}));
}

int rondo_offload(void (*fn)(void*), void* arg) {
    if (!on_fiber()) {
        fn(arg);
        return 0;
    }
    return OffloadPool::files().run(fn, arg);
}

int rondo_offload_lookup(void (*fn)(void*), void* arg) {
    if (!on_fiber()) {
        fn(arg);
        return 0;
    }
    return OffloadPool::names().run(fn, arg);
}

int rondo_fd_waits(int fd) { return as_int(fd_waits(fd)); }

}  // extern "C"
