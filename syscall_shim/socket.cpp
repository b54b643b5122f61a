// SPDX-License-Identifier: Apache-2.0
// socket family.
//
// Calls that make a descriptor number, and setsockopt (SO_RCVTIMEO and SO_SNDTIMEO bound a park), go to the runtime on
// every thread once it has started; transfers only on a Rondo thread. shutdown needs nothing of us: the kernel wakes
// what waits on the socket. The *_chk forms are those of fortified callers.
#include <sys/socket.h>

#include "export.h"
#include "guard.h"
#include "real.h"

extern "C" [[noreturn]] void __chk_fail();

namespace {

using namespace rondo::shim;

RONDO_REAL(connect);
RONDO_REAL(recv);
RONDO_REAL(recvfrom);
RONDO_REAL(recvmsg);
RONDO_REAL(send);
RONDO_REAL(sendto);
RONDO_REAL(sendmsg);
RONDO_REAL(recvmmsg);
RONDO_REAL(sendmmsg);

ssize_t receive_from(int fd, void* buffer, size_t length, int flags, sockaddr* address, socklen_t* addrlen) {
    return on_thread() ? rondo_recvfrom(fd, buffer, length, flags, address, addrlen)
                       : real_recvfrom(fd, buffer, length, flags, address, addrlen);
}

ssize_t receive(int fd, void* buffer, size_t length, int flags) {
    return on_thread() ? rondo_recv(fd, buffer, length, flags) : real_recv(fd, buffer, length, flags);
}

}  // namespace

RONDO_EXPORT(int, socket, (int domain, int type, int protocol)) { return rondo_socket(domain, type, protocol); }
RONDO_ALIAS(__socket, socket);

RONDO_EXPORT(int, socketpair, (int domain, int type, int protocol, int* pair)) {
    return rondo_socketpair(domain, type, protocol, pair);
}

RONDO_EXPORT(int, accept, (int fd, sockaddr* address, socklen_t* length)) { return rondo_accept(fd, address, length); }

RONDO_EXPORT(int, accept4, (int fd, sockaddr* address, socklen_t* length, int flags)) {
    return rondo_accept4(fd, address, length, flags);
}

RONDO_EXPORT(int, connect, (int fd, const sockaddr* address, socklen_t length)) {
    return on_thread() ? rondo_connect(fd, address, length) : real_connect(fd, address, length);
}
RONDO_ALIAS(__connect, connect);

RONDO_EXPORT(int, setsockopt, (int fd, int level, int name, const void* value, socklen_t length)) {
    return rondo_setsockopt(fd, level, name, value, length);
}

RONDO_EXPORT(ssize_t, recv, (int fd, void* buffer, size_t length, int flags)) {
    return receive(fd, buffer, length, flags);
}
RONDO_ALIAS(__recv, recv);

RONDO_EXPORT(ssize_t, recvfrom,
             (int fd, void* buffer, size_t length, int flags, sockaddr* address, socklen_t* addrlen)) {
    return receive_from(fd, buffer, length, flags, address, addrlen);
}

RONDO_EXPORT_UNDECLARED(ssize_t, __recv_chk, (int fd, void* buffer, size_t length, size_t room, int flags)) {
    if (length > room) __chk_fail();
    return receive(fd, buffer, length, flags);
}

RONDO_EXPORT_UNDECLARED(ssize_t, __recvfrom_chk,
                        (int fd, void* buffer, size_t length, size_t room, int flags, sockaddr* address,
                         socklen_t* addrlen)) {
    if (length > room) __chk_fail();
    return receive_from(fd, buffer, length, flags, address, addrlen);
}

RONDO_EXPORT(ssize_t, recvmsg, (int fd, msghdr* message, int flags)) {
    return on_thread() ? rondo_recvmsg(fd, message, flags) : real_recvmsg(fd, message, flags);
}

RONDO_EXPORT(ssize_t, send, (int fd, const void* buffer, size_t length, int flags)) {
    return on_thread() ? rondo_send(fd, buffer, length, flags) : real_send(fd, buffer, length, flags);
}
RONDO_ALIAS(__send, send);

RONDO_EXPORT(ssize_t, sendto,
             (int fd, const void* buffer, size_t length, int flags, const sockaddr* address, socklen_t addrlen)) {
    return on_thread() ? rondo_sendto(fd, buffer, length, flags, address, addrlen)
                       : real_sendto(fd, buffer, length, flags, address, addrlen);
}

RONDO_EXPORT(ssize_t, sendmsg, (int fd, const msghdr* message, int flags)) {
    return on_thread() ? rondo_sendmsg(fd, message, flags) : real_sendmsg(fd, message, flags);
}

RONDO_EXPORT(int, recvmmsg, (int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout)) {
    return on_thread() ? rondo_recvmmsg(fd, messages, count, flags, timeout)
                       : real_recvmmsg(fd, messages, count, flags, timeout);
}

RONDO_EXPORT(int, sendmmsg, (int fd, mmsghdr* messages, unsigned count, int flags)) {
    return on_thread() ? rondo_sendmmsg(fd, messages, count, flags) : real_sendmmsg(fd, messages, count, flags);
}
RONDO_ALIAS(__sendmmsg, sendmmsg);
