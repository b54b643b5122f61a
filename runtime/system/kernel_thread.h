// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of one of this process's threads, from /proc/self/task. The thread is not disturbed. Takes a
// descriptor for the time of the call.
#pragma once

#include <cstdint>

namespace rondo {

struct KernelThread {
    bool stopped = false;   // by a debugger or a stop signal
    bool running = false;   // on a processor or waiting for one
    long system_call = -1;  // in which it waits; -1: in none, or not known
    uint64_t pc = 0;        // where it waits; 0: it runs, or not known
    uint64_t ran_ns = 0;    // on a processor, so far
    uint64_t delayed_ns =
        0;  // ready but without a processor, in such waits as are over; 0 if the kernel does not count
};

// False: there is no such thread, or /proc does not tell.
bool read_kernel_thread(int tid, KernelThread& out);

}  // namespace rondo
