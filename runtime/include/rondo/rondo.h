/* SPDX-License-Identifier: Apache-2.0
 *
 * rondo.h: the whole public interface of the Rondo runtime; what is about descriptors is in io.h, which it includes.
 *
 * Naming. Every pthread_x, sem_x and blocking call x of POSIX that Rondo implements is here as
 * rondo_x, with the same arguments, the same meaning and the same errors. The few calls that POSIX has no name for
 * stand in the last section. "Thread" below is a Rondo thread: a fiber, pinned to one worker (a kernel thread).
 *
 * Errors. The thread family returns 0 or an error number and leaves errno alone; semaphores and the I/O family
 * return -1 and set errno. Exhaustion is reported (EAGAIN, ENOMEM), never fatal.
 *
 * Who may call. Synchronisation works on Rondo threads and on any other kernel thread of the process, from the
 * process's first instruction. I/O and sleeping calls park a Rondo thread; on any other kernel thread they are
 * the plain blocking system call. The first rondo_create starts the runtime: when the main thread makes it,
 * main itself becomes a Rondo thread, in place.
 *
 * All-zero memory is a valid unlocked object of each type, except a barrier.
 */
#ifndef RONDO_RONDO_H
#define RONDO_RONDO_H

#include <rondo/io.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- types: opaque, of the size of their pthread namesakes ------------------------------------------------- */

typedef unsigned long rondo_t;
typedef unsigned int rondo_key_t;
typedef int rondo_once_t;
typedef volatile int rondo_spinlock_t;

typedef union {
    char opaque[56];
    long align;
} rondo_attr_t;
typedef union {
    char opaque[40];
    long align;
} rondo_mutex_t;
typedef union {
    char opaque[48];
    long long align;
} rondo_cond_t;
typedef union {
    char opaque[56];
    long align;
} rondo_rwlock_t;
typedef union {
    char opaque[32];
    long align;
} rondo_barrier_t;
typedef union {
    char opaque[32];
    long align;
} rondo_sem_t;
typedef union {
    char opaque[4];
    int align;
} rondo_mutexattr_t;
typedef union {
    char opaque[4];
    int align;
} rondo_condattr_t;
typedef union {
    char opaque[8];
    long align;
} rondo_rwlockattr_t;
typedef union {
    char opaque[4];
    int align;
} rondo_barrierattr_t;

/* clang-format off */
#define RONDO_MUTEX_INITIALIZER  {{0}}
#define RONDO_COND_INITIALIZER   {{0}}
#define RONDO_RWLOCK_INITIALIZER {{0}}
#define RONDO_ONCE_INIT 0
/* clang-format on */

enum { RONDO_CREATE_JOINABLE = 0, RONDO_CREATE_DETACHED = 1 };
enum { RONDO_MUTEX_NORMAL = 0, RONDO_MUTEX_RECURSIVE = 1, RONDO_MUTEX_ERRORCHECK = 2, RONDO_MUTEX_ADAPTIVE = 3 };
enum { RONDO_RWLOCK_PREFER_READER = 0, RONDO_RWLOCK_PREFER_WRITER = 1, RONDO_RWLOCK_PREFER_WRITER_NONRECURSIVE = 2 };
enum { RONDO_PROCESS_PRIVATE = 0, RONDO_PROCESS_SHARED = 1 };
enum { RONDO_CANCEL_ENABLE = 0, RONDO_CANCEL_DISABLE = 1 };
enum { RONDO_CANCEL_DEFERRED = 0, RONDO_CANCEL_ASYNCHRONOUS = 1 };
enum { RONDO_BARRIER_SERIAL_THREAD = -1 };
#define RONDO_CANCELED ((void*)-1)

/* ---- threads ------------------------------------------------------------------------------------------------ */

/* EAGAIN: no memory or address space for a stack. EINVAL: attributes that cannot be honoured. */
int rondo_create(rondo_t* thread, const rondo_attr_t* attr, void* (*start)(void*), void* arg);
/* ESRCH: no such thread. EINVAL: detached, or another thread joins it. EDEADLK: itself. Cancellation point. */
int rondo_join(rondo_t thread, void** result);
int rondo_tryjoin_np(rondo_t thread, void** result); /* EBUSY: still running */
int rondo_timedjoin_np(rondo_t thread, void** result, const struct timespec* realtime_deadline);
int rondo_clockjoin_np(rondo_t thread, void** result, clockid_t clock, const struct timespec* deadline);
int rondo_detach(rondo_t thread);
/* Unwinds the calling thread: cleanup handlers and C++ destructors run, then key destructors. On a kernel thread that
 * is not a Rondo thread it is libc's pthread_exit. */
void rondo_exit(void* result) __attribute__((noreturn));
rondo_t rondo_self(void);
int rondo_equal(rondo_t a, rondo_t b);
int rondo_yield(void);
int rondo_setname_np(rondo_t thread, const char* name); /* ERANGE: longer than 15 bytes */
int rondo_getname_np(rondo_t thread, char* buffer, size_t size);
int rondo_getattr_np(rondo_t thread, rondo_attr_t* attr);

int rondo_attr_init(rondo_attr_t* attr);
int rondo_attr_destroy(rondo_attr_t* attr);
int rondo_attr_setdetachstate(rondo_attr_t* attr, int state);
int rondo_attr_getdetachstate(const rondo_attr_t* attr, int* state);
int rondo_attr_setstacksize(rondo_attr_t* attr, size_t bytes); /* EINVAL: under 16384 */
int rondo_attr_getstacksize(const rondo_attr_t* attr, size_t* bytes);
int rondo_attr_setguardsize(rondo_attr_t* attr, size_t bytes); /* recorded; the guard is always at least 64 KB */
int rondo_attr_getguardsize(const rondo_attr_t* attr, size_t* bytes);
int rondo_attr_setstack(rondo_attr_t* attr, void* lowest, size_t bytes);
int rondo_attr_getstack(const rondo_attr_t* attr, void** lowest, size_t* bytes);

/* ---- cancellation: deferred; acted on where a call parks or would park --------------------------------------- */

int rondo_cancel(rondo_t thread);
int rondo_setcancelstate(int state, int* old_state);
int rondo_setcanceltype(int type, int* old_type); /* ENOTSUP: RONDO_CANCEL_ASYNCHRONOUS */
void rondo_testcancel(void);

struct rondo_cleanup {
    void (*routine)(void*);
    void* arg;
    struct rondo_cleanup* previous;
};
/* The frame must live in the calling function's stack frame until it is popped. */
void rondo_cleanup_push(struct rondo_cleanup* frame, void (*routine)(void*), void* arg);
void rondo_cleanup_pop(struct rondo_cleanup* frame, int execute);

/* ---- mutex, condition variable, rwlock, barrier, spin lock, once --------------------------------------------- */

int rondo_mutexattr_init(rondo_mutexattr_t* attr);
int rondo_mutexattr_destroy(rondo_mutexattr_t* attr);
int rondo_mutexattr_settype(rondo_mutexattr_t* attr, int type);
int rondo_mutexattr_gettype(const rondo_mutexattr_t* attr, int* type);
int rondo_mutexattr_setpshared(rondo_mutexattr_t* attr, int pshared);
int rondo_mutexattr_getpshared(const rondo_mutexattr_t* attr, int* pshared);
int rondo_mutex_init(rondo_mutex_t* mutex, const rondo_mutexattr_t* attr);
int rondo_mutex_destroy(rondo_mutex_t* mutex); /* EBUSY: locked */
int rondo_mutex_lock(rondo_mutex_t* mutex);    /* EDEADLK: errorcheck, held by the caller */
int rondo_mutex_trylock(rondo_mutex_t* mutex); /* EBUSY; yields when it fails */
int rondo_mutex_timedlock(rondo_mutex_t* mutex, const struct timespec* realtime_deadline);
int rondo_mutex_clocklock(rondo_mutex_t* mutex, clockid_t clock, const struct timespec* deadline);
int rondo_mutex_unlock(rondo_mutex_t* mutex); /* EPERM: errorcheck or recursive, not held by the caller */

int rondo_condattr_init(rondo_condattr_t* attr);
int rondo_condattr_destroy(rondo_condattr_t* attr);
int rondo_condattr_setclock(rondo_condattr_t* attr, clockid_t clock);
int rondo_condattr_getclock(const rondo_condattr_t* attr, clockid_t* clock);
int rondo_condattr_setpshared(rondo_condattr_t* attr, int pshared);
int rondo_condattr_getpshared(const rondo_condattr_t* attr, int* pshared);
int rondo_cond_init(rondo_cond_t* cond, const rondo_condattr_t* attr);
int rondo_cond_destroy(rondo_cond_t* cond); /* EBUSY: threads wait */
int rondo_cond_wait(rondo_cond_t* cond, rondo_mutex_t* mutex);
int rondo_cond_timedwait(rondo_cond_t* cond, rondo_mutex_t* mutex, const struct timespec* deadline);
int rondo_cond_clockwait(rondo_cond_t* cond, rondo_mutex_t* mutex, clockid_t clock, const struct timespec* deadline);
int rondo_cond_signal(rondo_cond_t* cond);
int rondo_cond_broadcast(rondo_cond_t* cond);

int rondo_rwlockattr_init(rondo_rwlockattr_t* attr);
int rondo_rwlockattr_destroy(rondo_rwlockattr_t* attr);
int rondo_rwlockattr_setkind_np(rondo_rwlockattr_t* attr, int kind);
int rondo_rwlockattr_getkind_np(const rondo_rwlockattr_t* attr, int* kind);
int rondo_rwlockattr_setpshared(rondo_rwlockattr_t* attr, int pshared);
int rondo_rwlockattr_getpshared(const rondo_rwlockattr_t* attr, int* pshared);
int rondo_rwlock_init(rondo_rwlock_t* lock, const rondo_rwlockattr_t* attr);
int rondo_rwlock_destroy(rondo_rwlock_t* lock);
int rondo_rwlock_rdlock(rondo_rwlock_t* lock);
int rondo_rwlock_tryrdlock(rondo_rwlock_t* lock);
int rondo_rwlock_timedrdlock(rondo_rwlock_t* lock, const struct timespec* realtime_deadline);
int rondo_rwlock_clockrdlock(rondo_rwlock_t* lock, clockid_t clock, const struct timespec* deadline);
int rondo_rwlock_wrlock(rondo_rwlock_t* lock);
int rondo_rwlock_trywrlock(rondo_rwlock_t* lock);
int rondo_rwlock_timedwrlock(rondo_rwlock_t* lock, const struct timespec* realtime_deadline);
int rondo_rwlock_clockwrlock(rondo_rwlock_t* lock, clockid_t clock, const struct timespec* deadline);
int rondo_rwlock_unlock(rondo_rwlock_t* lock);

int rondo_barrierattr_init(rondo_barrierattr_t* attr);
int rondo_barrierattr_destroy(rondo_barrierattr_t* attr);
int rondo_barrierattr_setpshared(rondo_barrierattr_t* attr, int pshared);
int rondo_barrierattr_getpshared(const rondo_barrierattr_t* attr, int* pshared);
int rondo_barrier_init(rondo_barrier_t* barrier, const rondo_barrierattr_t* attr, unsigned count);
int rondo_barrier_destroy(rondo_barrier_t* barrier); /* EBUSY: threads wait */
int rondo_barrier_wait(rondo_barrier_t* barrier);

int rondo_spin_init(rondo_spinlock_t* lock, int pshared);
int rondo_spin_destroy(rondo_spinlock_t* lock);
int rondo_spin_lock(rondo_spinlock_t* lock); /* yields while contended */
int rondo_spin_trylock(rondo_spinlock_t* lock);
int rondo_spin_unlock(rondo_spinlock_t* lock);

int rondo_once(rondo_once_t* once, void (*routine)(void));

/* ---- keys: 1024 of them, destructors run up to 4 rounds at thread exit ---------------------------------------- */

int rondo_key_create(rondo_key_t* key, void (*destructor)(void*)); /* EAGAIN: none left */
int rondo_key_delete(rondo_key_t key);
void* rondo_getspecific(rondo_key_t key);
int rondo_setspecific(rondo_key_t key, const void* value);

/* ---- semaphores: also those of sem_open ------------------------------------------------------------------------- */

int rondo_sem_init(rondo_sem_t* sem, int pshared, unsigned value);
int rondo_sem_destroy(rondo_sem_t* sem);
int rondo_sem_wait(rondo_sem_t* sem);
int rondo_sem_trywait(rondo_sem_t* sem);
int rondo_sem_timedwait(rondo_sem_t* sem, const struct timespec* realtime_deadline);
int rondo_sem_clockwait(rondo_sem_t* sem, clockid_t clock, const struct timespec* deadline);
int rondo_sem_post(rondo_sem_t* sem);
int rondo_sem_getvalue(rondo_sem_t* sem, int* value);

/* ---- children: cancellation points ---------------------------------------------------------------------------------
 */

pid_t rondo_waitpid(pid_t pid, int* status, int options);
pid_t rondo_wait4(pid_t pid, int* status, int options, struct rusage* usage);
int rondo_waitid(int type, id_t id, siginfo_t* info, int options); /* type: an idtype_t */

/* ---- signals: each thread has its mask and its pending signals; docs/signals.md tells who takes a signal ------------
 */

/* As sigaction; EINVAL also for the numbers that libc keeps for itself. */
int rondo_sigaction(int number, const struct sigaction* action, struct sigaction* before);
int rondo_sigmask(int how, const sigset_t* set, sigset_t* before);     /* pthread_sigmask: an error number */
int rondo_sigprocmask(int how, const sigset_t* set, sigset_t* before); /* the same with errno */
/* pthread_kill and pthread_sigqueue. ESRCH: no Rondo thread. EINVAL: no such signal. EAGAIN: too many are queued. */
int rondo_kill(rondo_t thread, int number);
int rondo_sigqueue(rondo_t thread, int number, const union sigval value);
int rondo_raise(int number);
int rondo_sigpending(sigset_t* set);
int rondo_sigsuspend(const sigset_t* mask); /* always EINTR; cancellation point, as the waits below */
int rondo_pause(void);
int rondo_sigwait(const sigset_t* set, int* number);
int rondo_sigwaitinfo(const sigset_t* set, siginfo_t* info);
int rondo_sigtimedwait(const sigset_t* set, siginfo_t* info, const struct timespec* timeout); /* EAGAIN: timeout */
int rondo_sigaltstack(const stack_t* stack, stack_t* before);

/* ---- sleeping -------------------------------------------------------------------------------------------------------
 */

unsigned rondo_sleep(unsigned seconds);
int rondo_usleep(unsigned microseconds);
int rondo_nanosleep(const struct timespec* duration, struct timespec* remaining);
int rondo_clock_nanosleep(clockid_t clock, int flags, const struct timespec* time, struct timespec* remaining);
/* 1 if the process's clocks are its schedule's (RONDO_SCHED=seed:N or replay:FILE), else 0. They start at a fixed time,
 * advance with what the threads do, and jump when all threads wait. */
int rondo_virtual_time(void);
/* As clock_gettime, for these clocks, too. EINVAL: no such clock. */
int rondo_clock_gettime(clockid_t clock, struct timespec* time);

/* ---- what POSIX has no name for
 * ---------------------------------------------------------------------------------------- */

/* 1 if the caller is a Rondo thread whose blocking calls park, else 0. */
int rondo_on_thread(void);
/* The same, and 1 for the thread that called fork in the child, where blocking calls are the plain ones again until the
 * next rondo_create. */
int rondo_is_thread(void);
/* 1 once the runtime has started, else 0. */
int rondo_started(void);
/* Around a fork that runs no handlers of pthread_atfork (_Fork, clone by hand); fork itself needs neither. The two must
 * be called on the same thread, with nothing but the fork between them; in the child with in_child 1. */
void rondo_before_fork(void);
void rondo_after_fork(int in_child);
/* For a call that could have waited and did not, and made no other call of Rondo's: every 64th lets the worker's other
 * threads run. Does nothing elsewhere. */
void rondo_spend(void);
/* Under RONDO_SCHED=seed or replay other threads may run here, as at any call of Rondo's; else it does nothing. call
 * names it in the trace. */
void rondo_choice_point(const char* call);
/* Parks while *word == expected, until rondo_futex_wake on the same address. deadline: absolute CLOCK_MONOTONIC, or
 * NULL for none. Returns 0, or EAGAIN (the word differs), ETIMEDOUT. Not a cancellation point. */
int rondo_futex_wait(const uint32_t* word, uint32_t expected, const struct timespec* deadline);
/* Wakes at most count waiters; returns how many. */
int rondo_futex_wake(const uint32_t* word, int count);
/* The futex system call on the table of the two above: WAIT, WAKE, WAIT_BITSET, WAKE_BITSET, REQUEUE, CMP_REQUEUE and
 * WAKE_OP park the calling thread, others are the kernel's. -1 and errno as there; EAGAIN also when a wait on memory
 * shared with other processes can have no kernel thread. */
long rondo_futex(uint32_t* word, int operation, uint32_t value, const struct timespec* timeout, uint32_t* word2,
                 uint32_t value3);
/* Runs fn(arg) on a kernel thread of the offload pool while the calling thread parks; for calls that would block
 * the worker and end by themselves. fn must not call rondo_* I/O. ENOMEM/EAGAIN: no kernel thread could be had. */
int rondo_offload(void (*fn)(void*), void* arg);
/* The same on threads of their own for name look-ups, which may take minutes and must not hold up files, nor they them.
 */
int rondo_offload_lookup(void (*fn)(void*), void* arg);
/* 1 if looking at the path (stat, access, readlink) may wait for a disk or a server, 0 if the answer is in the kernel's
 * caches, be it an error. */
int rondo_path_waits(int directory, const char* path, int follow);
/* 1 if the descriptor was opened as a file that a server or another program keeps (NFS, FUSE …), else 0; -1 and EBADF.
 */
int rondo_fd_remote(int fd);
/* Tells the runtime of a descriptor that a library got from the kernel by itself, as fopen does. Returns fd. */
int rondo_fd_opened(int fd);
/* 1 if reading or writing the descriptor can wait for somebody else (socket, pipe, terminal, eventfd…), 0 for files,
 * -1 and EBADF. */
int rondo_fd_waits(int fd);
/* Before a program is executed, in this process or a new one: the descriptors that it will inherit get the flags that
 * the caller's program set, where the runtime had changed them, and keep them. */
void rondo_before_exec(void);

/* Handlers do not interrupt the code of the library that holds this address, for it keeps state that calls of the
 * runtime depend on: they run when it is left. At most 8 libraries. */
void rondo_defer_signals_in(const void* address);
/* Writes one line a thread (id, name, state, wait reason, object) to the descriptor; async-signal-safe. */
void rondo_dump(int fd);
/* "rondo 0.1.0" */
const char* rondo_version(void);

struct rondo_stats {
    uint64_t live_threads; /* created or adopted, not yet ended */
    uint64_t live_stacks;  /* taken from the pool and not given back: running, parked or not yet joined */
    uint64_t armed_timers;
    uint64_t pending_io; /* operations submitted and not completed */
    uint64_t switches;   /* since start, all workers */
    unsigned workers;
    const char* io_backend; /* "epoll" */
    const char* guard_kind; /* "madvise", "mprotect" or "check" */
};
/* A snapshot; exact when no other worker runs. All zero before the start. */
void rondo_get_stats(struct rondo_stats* stats);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
