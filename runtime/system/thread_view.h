// SPDX-License-Identifier: Apache-2.0
//
// What another kernel thread can see of the Rondo threads, without their help and without a lock: their control blocks
// lie beside the stack pool's slots, and neither blocks nor stacks are ever unmapped. A view is taken again when the
// thread's worker switched meanwhile, a few times; a thread that switches all the time may be shown as a mixture of two
// moments. No memory is allocated. Any kernel thread, also in a signal handler.
//
// Rejected: stopping the workers for the time of the look, and a list of threads, which each start and end would pay.
#pragma once

#include <cstdint>

#include "runtime/system/owners.h"

namespace rondo {

struct ThreadView {
    uint64_t id;
    char name[17];
    unsigned worker;
    FiberState state;     // none: the thread is gone
    Wait wait;            // of a parked one
    bool waits;           // it is parked, and `wait` is known
    uint64_t waited_ms;   // counted from its worker's last look at I/O before the wait
    const char* context;  // of one that does not run: its SavedContext; null else
    const char* low;      // its stack; null when it runs on a kernel thread's own
    const char* top;
    uint64_t start;  // its function
};

void view_thread(const Fiber& fiber, ThreadView& out);

const char* state_name(FiberState state);

// Whether the wait's object is the number of a descriptor.
bool waits_on_descriptor(WaitReason reason);

}  // namespace rondo
