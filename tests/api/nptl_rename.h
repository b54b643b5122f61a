// SPDX-License-Identifier: Apache-2.0
//
// The Rondo API spelled in POSIX: with RONDO_TEST_NPTL defined, the API tests and the stress build against the
// system's own threads. A test that fails there states something POSIX does not promise, so this build is the check
// of the tests themselves. Calls that POSIX has no name for are replaced by the nearest plain equivalent.
//
// Alternative rejected: sed over the sources, because the compiler's messages would then name lines that do not exist.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>
}

using rondo_t = pthread_t;
using rondo_key_t = pthread_key_t;
using rondo_once_t = pthread_once_t;
using rondo_spinlock_t = pthread_spinlock_t;
using rondo_attr_t = pthread_attr_t;
using rondo_mutex_t = pthread_mutex_t;
using rondo_cond_t = pthread_cond_t;
using rondo_rwlock_t = pthread_rwlock_t;
using rondo_barrier_t = pthread_barrier_t;
using rondo_sem_t = sem_t;
using rondo_mutexattr_t = pthread_mutexattr_t;
using rondo_condattr_t = pthread_condattr_t;
using rondo_rwlockattr_t = pthread_rwlockattr_t;
using rondo_barrierattr_t = pthread_barrierattr_t;

#define RONDO_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#define RONDO_COND_INITIALIZER PTHREAD_COND_INITIALIZER
#define RONDO_RWLOCK_INITIALIZER PTHREAD_RWLOCK_INITIALIZER
#define RONDO_ONCE_INIT PTHREAD_ONCE_INIT
#define RONDO_CREATE_JOINABLE PTHREAD_CREATE_JOINABLE
#define RONDO_CREATE_DETACHED PTHREAD_CREATE_DETACHED
#define RONDO_MUTEX_NORMAL PTHREAD_MUTEX_NORMAL
#define RONDO_MUTEX_RECURSIVE PTHREAD_MUTEX_RECURSIVE
#define RONDO_MUTEX_ERRORCHECK PTHREAD_MUTEX_ERRORCHECK
#define RONDO_MUTEX_ADAPTIVE PTHREAD_MUTEX_ADAPTIVE_NP
#define RONDO_RWLOCK_PREFER_READER PTHREAD_RWLOCK_PREFER_READER_NP
#define RONDO_RWLOCK_PREFER_WRITER PTHREAD_RWLOCK_PREFER_WRITER_NP
#define RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
#define RONDO_PROCESS_PRIVATE PTHREAD_PROCESS_PRIVATE
#define RONDO_PROCESS_SHARED PTHREAD_PROCESS_SHARED
#define RONDO_CANCEL_ENABLE PTHREAD_CANCEL_ENABLE
#define RONDO_CANCEL_DISABLE PTHREAD_CANCEL_DISABLE
#define RONDO_CANCEL_DEFERRED PTHREAD_CANCEL_DEFERRED
#define RONDO_CANCEL_ASYNCHRONOUS PTHREAD_CANCEL_ASYNCHRONOUS
#define RONDO_BARRIER_SERIAL_THREAD PTHREAD_BARRIER_SERIAL_THREAD
#define RONDO_CANCELED PTHREAD_CANCELED

#define rondo_create ::pthread_create
#define rondo_join ::pthread_join
#define rondo_tryjoin_np ::pthread_tryjoin_np
#define rondo_timedjoin_np ::pthread_timedjoin_np
#define rondo_clockjoin_np ::pthread_clockjoin_np
#define rondo_detach ::pthread_detach
#define rondo_exit ::pthread_exit
#define rondo_self ::pthread_self
#define rondo_equal ::pthread_equal
#define rondo_yield ::sched_yield
#define rondo_setname_np ::pthread_setname_np
#define rondo_getname_np ::pthread_getname_np
#define rondo_getattr_np ::pthread_getattr_np
#define rondo_attr_init ::pthread_attr_init
#define rondo_attr_destroy ::pthread_attr_destroy
#define rondo_attr_setdetachstate ::pthread_attr_setdetachstate
#define rondo_attr_getdetachstate ::pthread_attr_getdetachstate
#define rondo_attr_setstacksize ::pthread_attr_setstacksize
#define rondo_attr_getstacksize ::pthread_attr_getstacksize
#define rondo_attr_setguardsize ::pthread_attr_setguardsize
#define rondo_attr_getguardsize ::pthread_attr_getguardsize
#define rondo_attr_setstack ::pthread_attr_setstack
#define rondo_attr_getstack ::pthread_attr_getstack
#define rondo_cancel ::pthread_cancel
#define rondo_setcancelstate ::pthread_setcancelstate
#define rondo_setcanceltype ::pthread_setcanceltype
#define rondo_testcancel ::pthread_testcancel
#define rondo_mutexattr_init ::pthread_mutexattr_init
#define rondo_mutexattr_destroy ::pthread_mutexattr_destroy
#define rondo_mutexattr_settype ::pthread_mutexattr_settype
#define rondo_mutexattr_gettype ::pthread_mutexattr_gettype
#define rondo_mutexattr_setpshared ::pthread_mutexattr_setpshared
#define rondo_mutexattr_getpshared ::pthread_mutexattr_getpshared
#define rondo_mutex_init ::pthread_mutex_init
#define rondo_mutex_destroy ::pthread_mutex_destroy
#define rondo_mutex_lock ::pthread_mutex_lock
#define rondo_mutex_trylock ::pthread_mutex_trylock
#define rondo_mutex_timedlock ::pthread_mutex_timedlock
#define rondo_mutex_clocklock ::pthread_mutex_clocklock
#define rondo_mutex_unlock ::pthread_mutex_unlock
#define rondo_condattr_init ::pthread_condattr_init
#define rondo_condattr_destroy ::pthread_condattr_destroy
#define rondo_condattr_setclock ::pthread_condattr_setclock
#define rondo_condattr_getclock ::pthread_condattr_getclock
#define rondo_condattr_setpshared ::pthread_condattr_setpshared
#define rondo_condattr_getpshared ::pthread_condattr_getpshared
#define rondo_cond_init ::pthread_cond_init
#define rondo_cond_destroy ::pthread_cond_destroy
#define rondo_cond_wait ::pthread_cond_wait
#define rondo_cond_timedwait ::pthread_cond_timedwait
#define rondo_cond_clockwait ::pthread_cond_clockwait
#define rondo_cond_signal ::pthread_cond_signal
#define rondo_cond_broadcast ::pthread_cond_broadcast
#define rondo_rwlockattr_init ::pthread_rwlockattr_init
#define rondo_rwlockattr_destroy ::pthread_rwlockattr_destroy
#define rondo_rwlockattr_setkind_np ::pthread_rwlockattr_setkind_np
#define rondo_rwlockattr_getkind_np ::pthread_rwlockattr_getkind_np
#define rondo_rwlockattr_setpshared ::pthread_rwlockattr_setpshared
#define rondo_rwlockattr_getpshared ::pthread_rwlockattr_getpshared
#define rondo_rwlock_init ::pthread_rwlock_init
#define rondo_rwlock_destroy ::pthread_rwlock_destroy
#define rondo_rwlock_rdlock ::pthread_rwlock_rdlock
#define rondo_rwlock_tryrdlock ::pthread_rwlock_tryrdlock
#define rondo_rwlock_timedrdlock ::pthread_rwlock_timedrdlock
#define rondo_rwlock_clockrdlock ::pthread_rwlock_clockrdlock
#define rondo_rwlock_wrlock ::pthread_rwlock_wrlock
#define rondo_rwlock_trywrlock ::pthread_rwlock_trywrlock
#define rondo_rwlock_timedwrlock ::pthread_rwlock_timedwrlock
#define rondo_rwlock_clockwrlock ::pthread_rwlock_clockwrlock
#define rondo_rwlock_unlock ::pthread_rwlock_unlock
#define rondo_barrierattr_init ::pthread_barrierattr_init
#define rondo_barrierattr_destroy ::pthread_barrierattr_destroy
#define rondo_barrierattr_setpshared ::pthread_barrierattr_setpshared
#define rondo_barrierattr_getpshared ::pthread_barrierattr_getpshared
#define rondo_barrier_init ::pthread_barrier_init
#define rondo_barrier_destroy ::pthread_barrier_destroy
#define rondo_barrier_wait ::pthread_barrier_wait
#define rondo_spin_init ::pthread_spin_init
#define rondo_spin_destroy ::pthread_spin_destroy
#define rondo_spin_lock ::pthread_spin_lock
#define rondo_spin_trylock ::pthread_spin_trylock
#define rondo_spin_unlock ::pthread_spin_unlock
#define rondo_once ::pthread_once
#define rondo_key_create ::pthread_key_create
#define rondo_key_delete ::pthread_key_delete
#define rondo_getspecific ::pthread_getspecific
#define rondo_setspecific ::pthread_setspecific
#define rondo_sem_init ::sem_init
#define rondo_sem_destroy ::sem_destroy
#define rondo_sem_wait ::sem_wait
#define rondo_sem_trywait ::sem_trywait
#define rondo_sem_timedwait ::sem_timedwait
#define rondo_sem_clockwait ::sem_clockwait
#define rondo_sem_post ::sem_post
#define rondo_sem_getvalue ::sem_getvalue
#define rondo_socket ::socket
#define rondo_socketpair ::socketpair
#define rondo_accept ::accept
#define rondo_accept4 ::accept4
#define rondo_connect ::connect
#define rondo_setsockopt ::setsockopt
#define rondo_recv ::recv
#define rondo_recvfrom ::recvfrom
#define rondo_recvmsg ::recvmsg
#define rondo_send ::send
#define rondo_sendto ::sendto
#define rondo_sendmsg ::sendmsg
#define rondo_read ::read
#define rondo_write ::write
#define rondo_readv ::readv
#define rondo_writev ::writev
#define rondo_close ::close
#define rondo_close_range ::close_range
#define rondo_dup ::dup
#define rondo_dup2 ::dup2
#define rondo_dup3 ::dup3
#define rondo_pipe ::pipe
#define rondo_pipe2 ::pipe2
#define rondo_fcntl ::fcntl
#define rondo_ioctl ::ioctl
#define rondo_recvmmsg ::recvmmsg
#define rondo_sendmmsg ::sendmmsg
#define rondo_eventfd ::eventfd
#define rondo_eventfd_read ::eventfd_read
#define rondo_eventfd_write ::eventfd_write
#define rondo_timerfd_create ::timerfd_create
#define rondo_signalfd ::signalfd
#define rondo_inotify_init ::inotify_init
#define rondo_inotify_init1 ::inotify_init1
#define rondo_epoll_create ::epoll_create
#define rondo_epoll_create1 ::epoll_create1
#define rondo_fanotify_init ::fanotify_init
#define rondo_memfd_create ::memfd_create
#define rondo_pidfd_open ::pidfd_open
#define rondo_pidfd_getfd ::pidfd_getfd
#define rondo_poll ::poll
#define rondo_ppoll ::ppoll
#define rondo_select ::select
#define rondo_pselect ::pselect
#define rondo_epoll_wait ::epoll_wait
#define rondo_epoll_pwait ::epoll_pwait
#define rondo_epoll_pwait2 ::epoll_pwait2
#define rondo_sigaction ::sigaction
#define rondo_sigmask ::pthread_sigmask
#define rondo_sigprocmask ::sigprocmask
#define rondo_kill ::pthread_kill
#define rondo_sigqueue ::pthread_sigqueue
#define rondo_raise ::raise
#define rondo_sigpending ::sigpending
#define rondo_sigsuspend ::sigsuspend
#define rondo_pause ::pause
#define rondo_sigwait ::sigwait
#define rondo_sigwaitinfo ::sigwaitinfo
#define rondo_sigtimedwait ::sigtimedwait
#define rondo_sigaltstack ::sigaltstack
#define rondo_sleep ::sleep
#define rondo_usleep ::usleep
#define rondo_nanosleep ::nanosleep
#define rondo_clock_nanosleep ::clock_nanosleep

extern "C" {
void _pthread_cleanup_push(struct _pthread_cleanup_buffer* frame, void (*routine)(void*), void* arg);
void _pthread_cleanup_pop(struct _pthread_cleanup_buffer* frame, int execute);
}
using rondo_cleanup = _pthread_cleanup_buffer;
#define rondo_cleanup_push ::_pthread_cleanup_push
#define rondo_cleanup_pop ::_pthread_cleanup_pop

struct rondo_stats {
    uint64_t live_threads, live_stacks, armed_timers, pending_io, switches;
    unsigned workers;
    const char* io_backend;
    const char* guard_kind;
};
inline void rondo_get_stats(rondo_stats* stats) { *stats = {}; }
inline int rondo_on_thread() { return 1; }
inline int rondo_is_thread() { return 1; }
inline void rondo_before_fork() {}
inline void rondo_after_fork(int) {}
inline int rondo_started() { return 1; }
inline void rondo_choice_point(const char*) {}
inline void rondo_spend() {}
inline void rondo_dump(int) {}
inline const char* rondo_version() { return "rondo (system threads)"; }
inline int rondo_futex_wait(const uint32_t* word, uint32_t expected, const timespec* deadline) {
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, nullptr, ~0u);
    return result == 0 ? 0 : errno;
}
inline int rondo_futex_wake(const uint32_t* word, int count) {
    return static_cast<int>(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0));
}
inline long rondo_futex(uint32_t* word, int operation, uint32_t value, const timespec* timeout, uint32_t* word2,
                        uint32_t value3) {
    return syscall(SYS_futex, word, operation, value, timeout, word2, value3);
}
inline int rondo_offload(void (*fn)(void*), void* arg) {
    fn(arg);
    return 0;
}
inline int rondo_offload_lookup(void (*fn)(void*), void* arg) { return rondo_offload(fn, arg); }
inline int rondo_fd_remote(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : 0; }
#define rondo_open ::open
#define rondo_openat ::openat
#define rondo_pread ::pread
#define rondo_pwrite ::pwrite
#define rondo_preadv ::preadv
#define rondo_pwritev ::pwritev
#define rondo_preadv2 ::preadv2
#define rondo_pwritev2 ::pwritev2
#define rondo_fsync ::fsync
#define rondo_fdatasync ::fdatasync
#define rondo_sendfile ::sendfile
#define rondo_splice ::splice
#define rondo_tee ::tee
#define rondo_vmsplice ::vmsplice
inline int rondo_fd_waits(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0) return -1;
    return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode) ? 0 : 1;
}
