// SPDX-License-Identifier: Apache-2.0
//
// Waiting for children, on a fiber. The kernel is asked without waiting first. For one child's end the fiber parks on
// the child's pidfd, which costs a descriptor and no thread; for any child, a group, or a stop, the call waits on a
// kernel thread. Results are those of the system call, or -errno. Cancellation points; a signal ends them as it ends a
// read.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>

namespace rondo {

long io_wait4(pid_t pid, int* status, int options, rusage* usage);
long io_waitid(int type, id_t id, siginfo_t* info, int options, rusage* usage);

}  // namespace rondo
