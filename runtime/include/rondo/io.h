/* SPDX-License-Identifier: Apache-2.0
 *
 * io.h: the part of rondo.h, which includes it, that is about descriptors: making, reading and writing them, waiting
 * for several, file locks and message queues. The rules at the top of rondo.h hold here.
 */
#ifndef RONDO_IO_H
#define RONDO_IO_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- descriptors: cancellation points as POSIX lists them ----------------------------------------------------------
 */

int rondo_socket(int domain, int type, int protocol);
int rondo_socketpair(int domain, int type, int protocol, int pair[2]);
int rondo_accept(int fd, struct sockaddr* address, socklen_t* length);
int rondo_accept4(int fd, struct sockaddr* address, socklen_t* length, int flags);
int rondo_connect(int fd, const struct sockaddr* address, socklen_t length);
int rondo_setsockopt(int fd, int level, int name, const void* value, socklen_t length);
ssize_t rondo_recv(int fd, void* buffer, size_t length, int flags);
ssize_t rondo_recvfrom(int fd, void* buffer, size_t length, int flags, struct sockaddr* address, socklen_t* addrlen);
ssize_t rondo_recvmsg(int fd, struct msghdr* message, int flags);
ssize_t rondo_send(int fd, const void* buffer, size_t length, int flags);
ssize_t rondo_sendto(int fd, const void* buffer, size_t length, int flags, const struct sockaddr* address,
                     socklen_t addrlen);
ssize_t rondo_sendmsg(int fd, const struct msghdr* message, int flags);
/* Linux's rules: the timeout is looked at after each message and the time left written back (EINVAL: not a valid time);
 * the number of messages, if there is one, wins over an error. */
struct mmsghdr;
int rondo_recvmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags, struct timespec* timeout);
int rondo_sendmmsg(int fd, struct mmsghdr* messages, unsigned count, int flags);
ssize_t rondo_read(int fd, void* buffer, size_t length);
ssize_t rondo_write(int fd, const void* buffer, size_t length);
ssize_t rondo_readv(int fd, const struct iovec* vector, int count);
ssize_t rondo_writev(int fd, const struct iovec* vector, int count);
/* Threads parked on the descriptor return -1 with EBADF before the number is free for reuse. */
int rondo_close(int fd);
/* Opening a FIFO or a terminal waits for its other side; what is not in the kernel's caches is looked up by a kernel
 * thread. The mode is always passed. */
int rondo_open(const char* path, int flags, mode_t mode);
int rondo_openat(int directory, const char* path, int flags, mode_t mode);
/* What the page cache holds is moved at once, the rest by a kernel thread. ESPIPE: no file. */
ssize_t rondo_pread(int fd, void* buffer, size_t length, off_t offset);
ssize_t rondo_pwrite(int fd, const void* buffer, size_t length, off_t offset);
ssize_t rondo_preadv(int fd, const struct iovec* vector, int count, off_t offset);
ssize_t rondo_pwritev(int fd, const struct iovec* vector, int count, off_t offset);
ssize_t rondo_preadv2(int fd, const struct iovec* vector, int count, off_t offset, int flags);
ssize_t rondo_pwritev2(int fd, const struct iovec* vector, int count, off_t offset, int flags);
int rondo_fsync(int fd);
int rondo_fdatasync(int fd);
ssize_t rondo_sendfile(int out, int in, off_t* offset, size_t count);
ssize_t rondo_splice(int in, off_t* in_offset, int out, off_t* out_offset, size_t length, unsigned flags);
ssize_t rondo_tee(int in, int out, size_t length, unsigned flags);
ssize_t rondo_vmsplice(int pipe, const struct iovec* vector, size_t count, unsigned flags);
/* What the runtime itself has open stays so, as if it were not there; close of such a number is EBADF. EINVAL:
 * CLOSE_RANGE_UNSHARE on a Rondo thread. */
int rondo_close_range(unsigned first, unsigned last, int flags);
int rondo_dup(int fd);
int rondo_dup2(int fd, int to);
int rondo_dup3(int fd, int to, int flags);
int rondo_pipe(int ends[2]);
int rondo_pipe2(int ends[2], int flags);
/* The other calls that make a descriptor; reading them parks like any read. Errors are Linux's. */
int rondo_eventfd(unsigned initial, int flags);
int rondo_eventfd_read(int fd, uint64_t* value);
int rondo_eventfd_write(int fd, uint64_t value);
int rondo_timerfd_create(clockid_t clock, int flags);
int rondo_signalfd(int fd, const sigset_t* mask, int flags);
int rondo_inotify_init(void);
int rondo_inotify_init1(int flags);
int rondo_epoll_create(int size);
int rondo_epoll_create1(int flags);
int rondo_fanotify_init(unsigned flags, unsigned event_flags);
int rondo_memfd_create(const char* name, unsigned flags);
int rondo_pidfd_open(pid_t pid, unsigned flags);
int rondo_pidfd_getfd(int process, int fd, unsigned flags);
int rondo_fcntl(int fd, int command, unsigned long arg);
int rondo_ioctl(int fd, unsigned long request, void* arg);

/* ---- waiting for several descriptors: an event loop inside a thread -------------------------------------------------
 * A signal mask holds for the time of the call.
 */

int rondo_poll(struct pollfd* fds, nfds_t count, int timeout_ms);
int rondo_ppoll(struct pollfd* fds, nfds_t count, const struct timespec* timeout, const sigset_t* mask);
/* Sets larger than fd_set are taken where count says so; the time that is left is written back, as on Linux. EBADF: a
 * closed descriptor in a set. EINVAL: a negative count or time. */
int rondo_select(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, struct timeval* timeout);
int rondo_pselect(int count, fd_set* readable, fd_set* writable, fd_set* exceptional, const struct timespec* timeout,
                  const sigset_t* mask);
int rondo_epoll_wait(int set, struct epoll_event* events, int most, int timeout_ms); /* EINVAL: most, or no epoll set */
int rondo_epoll_pwait(int set, struct epoll_event* events, int most, int timeout_ms, const sigset_t* mask);
int rondo_epoll_pwait2(int set, struct epoll_event* events, int most, const struct timespec* timeout,
                       const sigset_t* mask);

/* ---- file locks, message queues, System V's messages and semaphores: cancellation points but flock and semop --------
 */

int rondo_flock(int fd, int operation);
int rondo_mq_send(int queue, const char* message, size_t length, unsigned priority);
int rondo_mq_timedsend(int queue, const char* message, size_t length, unsigned priority,
                       const struct timespec* realtime_deadline);
ssize_t rondo_mq_receive(int queue, char* message, size_t length, unsigned* priority);
ssize_t rondo_mq_timedreceive(int queue, char* message, size_t length, unsigned* priority,
                              const struct timespec* realtime_deadline);
int rondo_msgsnd(int queue, const void* message, size_t length, int flags);
ssize_t rondo_msgrcv(int queue, void* message, size_t length, long type, int flags);
int rondo_semop(int set, struct sembuf* operations, size_t count);
int rondo_semtimedop(int set, struct sembuf* operations, size_t count, const struct timespec* timeout);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
