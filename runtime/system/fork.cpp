// SPDX-License-Identifier: Apache-2.0
//
// fork, in the forked child's favour: it must not share an epoll set with its parent, it has one thread, and no lock
// may be held by a thread that it does not have. The handlers run by pthread_atfork, so every way to fork in libc
// (fork, forkpty, daemon) meets them, also in programs that link the runtime without the shim. Registered before main,
// they are the last before the fork and the first after it: a program's own handlers may lock, wait and talk as they
// like.
//
// Before: signals are blocked (a handler must not meet our locks), the runtime's global spinlocks are taken, and no
// listener keeps the O_NONBLOCK that is hidden from the program. In the parent, they are released. In the child, also
// what belongs to the workers is dropped; the wait table, which has too many locks to take, is zeroed instead.
//
// The child's cost beyond the kernel's is a look at each descriptor entry in use, a few munmap, and two closes a
// worker. What it cannot give back is the other threads' stacks: the caller may have been handed pointers into them.
//
// Rejected: interposing fork (libc's own callers would bypass it); staying started with one worker (a preforked child
// would pay for an epoll set before it has a second thread, and its accept on the shared listener for a kernel thread).

#include "runtime/system/fork.h"

#include <pthread.h>
#include <signal.h>

#include "runtime/core/fiber_local.h"
#include "runtime/core/stack_pool.h"
#include "runtime/io/fd_table.h"
#include "runtime/io/offload_pool.h"
#include "runtime/io/thread_call.h"
#include "runtime/sync/once.h"
#include "runtime/system/runtime.h"
#include "runtime/system/signals.h"

namespace rondo {

namespace {

uint64_t mask_before_fork;  // of the forking thread; guarded by the start's lock

void set_mask(uint64_t mask, uint64_t* before) {
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&mask), sys::to_arg(before), sizeof mask);
}

void visit_locks(void (*visit)(Spinlock&)) {
    visit(start_fork_lock());
    visit(StackPool::instance().fork_lock());
    visit_local_locks(visit);
    visit_signal_locks(visit);
    visit(OffloadPool::files().fork_lock());
    visit(OffloadPool::names().fork_lock());
    visit(OffloadPool::waits().fork_lock());
    visit(thread_calls_fork_lock());
    visit(Once::fork_lock());
}

// Returns the mask that the caller restores when all is as it was.
uint64_t release_locks(bool in_child) {
    FdTable::instance().after_fork(in_child);
    uint64_t mask = mask_before_fork;
    visit_locks([](Spinlock& lock) { lock.unlock(); });
    return mask;
}

__attribute__((constructor)) void watch_forks() {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

}  // namespace

void before_fork() {
    uint64_t before = 0;
    set_mask(~0ULL, &before);
    visit_locks([](Spinlock& lock) { lock.lock(); });
    mask_before_fork = before;
    FdTable::instance().before_fork();
}

void after_fork_in_parent() { set_mask(release_locks(false), nullptr); }

void after_fork_in_child() {
    uint64_t mask = signals_after_fork_in_child(release_locks(true));
    leave_runtime_to_parent();
    set_mask(mask, nullptr);
}

}  // namespace rondo
