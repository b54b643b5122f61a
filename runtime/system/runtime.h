// SPDX-License-Identifier: Apache-2.0
//
// The composition root: starts the runtime and is the only place that names concrete backends and policies. It starts
// at the first rondo_create and is never torn down. When the main thread makes that call it becomes a fiber of worker
// 0, in place, on its own stack; the worker's loop gets a stack of the runtime's. When another kernel thread makes it,
// worker 0 gets a kernel thread of its own and the caller stays what it is.
#pragma once

#include "runtime/core/fiber.h"

namespace rondo {

bool runtime_started();

// 0, or EAGAIN when memory, descriptors or kernel threads do not suffice; nothing is half-started then. A bad RONDO_*
// setting is said on stderr and ends the process with status 2.
int ensure_runtime();

// Starts the runtime if need be, makes a fiber and places it on the least loaded worker. 0 or EAGAIN.
int spawn(uint64_t& handle, Fiber::Start start, void* arg, size_t stack_bytes, bool detached);

// The start's lock, to be held across a fork.
Spinlock& start_fork_lock();

// In a forked child, with the locks released: the workers, their epoll sets and everybody who waited are gone, the
// caller is kept (see KeptCaller), and the runtime has not started.
void leave_runtime_to_parent();

// Under RONDO_SCHED=seed or replay: everything from here on is as after a start with this seed. The caller must be the
// only thread. For tests that run many schedules in one process.
void restart_schedule(uint64_t seed);

// "epoll".
const char* io_backend_name();

}  // namespace rondo
