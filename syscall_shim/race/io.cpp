// SPDX-License-Identifier: Apache-2.0
// Happens-before by what passes through descriptors and signals, and the accesses that these calls make.
//
// Bytes may go to any reader (a pipe has two numbers, a socket's other end may be another socket of the process), so
// all writers release one object and all readers acquire it; so do the sender of a signal and who waits for one. A race
// can be missed by that, none is invented. stdio is left out: what it moves between threads of one process is rare.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wrappers.h"

using namespace rondo::race;

namespace {

constinit char all_bytes = 0;
constinit char all_signals = 0;

}  // namespace

// The caller's buffer is read before the call.
#define RONDO_SENDING(name, parameters, arguments, buffer, size) \
    RONDO_REAL(name);                                            \
    RONDO_EXPORT(ssize_t, name, parameters) {                    \
        check_range(buffer, size, kRead, RONDO_CALLER);          \
        release(&all_bytes);                                     \
        return real_##name arguments;                            \
    }

#define RONDO_RECEIVING(name, parameters, arguments, buffer)                                    \
    RONDO_REAL(name);                                                                           \
    RONDO_EXPORT(ssize_t, name, parameters) {                                                   \
        ssize_t result = real_##name arguments;                                                 \
        acquire(&all_bytes);                                                                    \
        if (result > 0) check_range(buffer, static_cast<size_t>(result), kWrite, RONDO_CALLER); \
        return result;                                                                          \
    }

#define RONDO_WAITING(type, name, parameters, arguments, object) \
    RONDO_REAL(name);                                            \
    RONDO_EXPORT(type, name, parameters) {                       \
        type result = real_##name arguments;                     \
        acquire(&object);                                        \
        return result;                                           \
    }

#define RONDO_TELLING(type, name, parameters, arguments, object) \
    RONDO_REAL(name);                                            \
    RONDO_EXPORT(type, name, parameters) {                       \
        release(&object);                                        \
        return real_##name arguments;                            \
    }

RONDO_SENDING(write, (int fd, const void* data, size_t size), (fd, data, size), data, size)
RONDO_SENDING(send, (int fd, const void* data, size_t size, int flags), (fd, data, size, flags), data, size)
RONDO_SENDING(sendto, (int fd, const void* data, size_t size, int flags, const sockaddr* to, socklen_t length),
              (fd, data, size, flags, to, length), data, size)
RONDO_TELLING(ssize_t, writev, (int fd, const iovec* parts, int count), (fd, parts, count), all_bytes)
RONDO_TELLING(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags), all_bytes)
RONDO_TELLING(int, connect, (int fd, const sockaddr* to, socklen_t length), (fd, to, length), all_bytes)
RONDO_TELLING(int, shutdown, (int fd, int how), (fd, how), all_bytes)
RONDO_TELLING(int, close, (int fd), (fd), all_bytes)

RONDO_RECEIVING(read, (int fd, void* data, size_t size), (fd, data, size), data)
RONDO_RECEIVING(recv, (int fd, void* data, size_t size, int flags), (fd, data, size, flags), data)
RONDO_RECEIVING(recvfrom, (int fd, void* data, size_t size, int flags, sockaddr* from, socklen_t* length),
                (fd, data, size, flags, from, length), data)
RONDO_WAITING(ssize_t, readv, (int fd, const iovec* parts, int count), (fd, parts, count), all_bytes)
RONDO_WAITING(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags), all_bytes)
RONDO_WAITING(int, accept, (int fd, sockaddr* from, socklen_t* length), (fd, from, length), all_bytes)
RONDO_WAITING(int, accept4, (int fd, sockaddr* from, socklen_t* length, int flags), (fd, from, length, flags),
              all_bytes)
RONDO_WAITING(int, poll, (pollfd * fds, nfds_t count, int timeout), (fds, count, timeout), all_bytes)
RONDO_WAITING(int, select, (int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout),
              (count, read, write, except, timeout), all_bytes)
RONDO_WAITING(int, epoll_wait, (int fd, epoll_event* events, int most, int timeout), (fd, events, most, timeout),
              all_bytes)

RONDO_TELLING(int, kill, (pid_t pid, int number), (pid, number), all_signals)
RONDO_TELLING(int, pthread_kill, (pthread_t thread, int number), (thread, number), all_signals)
RONDO_TELLING(int, raise, (int number), (number), all_signals)
RONDO_WAITING(int, sigwait, (const sigset_t* set, int* number), (set, number), all_signals)
RONDO_WAITING(int, sigwaitinfo, (const sigset_t* set, siginfo_t* info), (set, info), all_signals)
RONDO_WAITING(int, sigtimedwait, (const sigset_t* set, siginfo_t* info, const timespec* timeout), (set, info, timeout),
              all_signals)
RONDO_WAITING(int, sigsuspend, (const sigset_t* mask), (mask), all_signals)
RONDO_WAITING(int, pause, (), (), all_signals)
