// SPDX-License-Identifier: Apache-2.0
//
// Children: the C façade. On a kernel thread that is no worker a wait is the plain system call.

#include "runtime/api/result.h"
#include "runtime/include/rondo/rondo.h"
#include "runtime/io/child_ops.h"
#include "runtime/io/fd_table.h"

using namespace rondo;

extern "C" {

pid_t rondo_waitpid(pid_t pid, int* status, int options) { return rondo_wait4(pid, status, options, nullptr); }

pid_t rondo_wait4(pid_t pid, int* status, int options, struct rusage* usage) {
    return as_int(on_fiber() ? io_wait4(pid, status, options, usage)
                             : plain(SYS_wait4, pid, sys::to_arg(status), options, sys::to_arg(usage)));
}

int rondo_waitid(int type, id_t id, siginfo_t* info, int options) {
    return as_int(on_fiber() ? io_waitid(type, id, info, options, nullptr)
                             : plain(SYS_waitid, type, id, sys::to_arg(info), options, 0));
}

void rondo_before_exec(void) { FdTable::instance().before_exec(); }

}  // extern "C"
