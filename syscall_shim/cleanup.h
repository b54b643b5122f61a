// SPDX-License-Identifier: Apache-2.0
// Cleanup handlers that the main thread pushed before the runtime started ("early handlers").
//
// libc cannot be asked for the handlers registered with it, and main becomes a Rondo thread inside a scope that may
// have some. So before the start, main's are kept in a list of ours, oldest last; at the start they move to main's
// Rondo thread, and if main exits without ever starting it, they run from here.
#ifndef RONDO_SHIM_CLEANUP_H
#define RONDO_SHIM_CLEANUP_H

namespace rondo::shim {

// Gives main's early handlers to the calling thread, which has just become a Rondo thread.
void move_early_handlers();
// Removes the newest early handler and runs it, if the caller is main and has one. A C handler leaves by longjmp and
// comes back through __pthread_unwind_next.
void run_early_handler();

}  // namespace rondo::shim

#endif
