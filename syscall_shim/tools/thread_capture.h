// SPDX-License-Identifier: Apache-2.0
//
// What one thread of another process does at this moment: running or waiting, and where, with a copy of its stack from
// which it can be unwound while it goes on. The thread is stopped (ptrace) for the time of two system calls and the
// copy; a thread that waits in a system call that would not survive that is not stopped, and then only its program
// counter and stack pointer are known.
//
// Rejected: a signal with a handler in the process, which would end waits with EINTR and needs the unwinder there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "syscall_shim/tools/stack_walk.h"
#include "syscall_shim/tools/system_calls.h"

namespace rondo {

enum class Doing { unknown, running, in_system_call, in_kernel, parked };

struct ThreadCapture {
    Doing doing = Doing::unknown;
    SystemCall call;                 // in_system_call: which
    uint64_t registers[kRegisters];  // DWARF's order
    bool all_registers = false;      // false: program counter and stack pointer alone, 0 if not even these
    std::string problem;             // why there are not all
    std::vector<char> stack;         // from the stack pointer upwards
};

ThreadCapture capture_thread(pid_t pid, pid_t tid);

}  // namespace rondo
