// SPDX-License-Identifier: Apache-2.0
//
// What rondo-unwind has to know of a system call in which a thread waits: its name, whether its first argument is a
// descriptor, and whether the thread may be stopped for a moment.
//
// A stop by ptrace acts on a system call like a signal without a handler. Most calls go on after it as if nothing had
// happened; some return EINTR, or a part of what was asked, to a program that has no reason to expect either. So only
// calls of which the kernel's sources say that they go on are stopped: this is a list of those that may, not of those
// that may not.
#pragma once

#include <sys/types.h>

#include <string>

namespace rondo {

struct SystemCall {
    long number = -1;
    unsigned long arguments[6] = {};
};

// "read (0) on descriptor 5 (pipe:[1234])"; pid: whose descriptor it is.
std::string describe(const SystemCall& call, pid_t pid);

// Whether a thread of process pid that waits in this call may be stopped and continued without the program's noticing.
bool goes_on_after_a_stop(const SystemCall& call, pid_t pid);

}  // namespace rondo
