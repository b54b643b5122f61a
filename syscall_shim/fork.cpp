// SPDX-License-Identifier: Apache-2.0
// fork family: the two ways to make a child that do not run pthread_atfork's handlers, by which the runtime learns of a
// fork.
//
// vfork is fork: its child would share our tables with the parent and write the parent's (a close before the exec would
// wake the parent's threads). A program cannot tell but by the time it takes. _Fork calls the runtime's handlers, and
// nobody else's, by hand. fork itself, daemon and forkpty are libc's.
#include <unistd.h>

#include "export.h"
#include "guard.h"
#include "real.h"

namespace {

RONDO_REAL(fork);
RONDO_REAL(_Fork);

}  // namespace

RONDO_EXPORT(pid_t, vfork, ()) { return real_fork(); }
RONDO_ALIAS(__vfork, vfork);

RONDO_EXPORT(pid_t, _Fork, ()) {
    rondo_before_fork();
    pid_t child = real__Fork();
    rondo_after_fork(child == 0 ? 1 : 0);
    return child;
}
