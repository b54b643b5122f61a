// SPDX-License-Identifier: Apache-2.0
//
// Whom a parked thread waits for: the owner of a mutex, the writer of a rwlock, the thread to join, the runner of a
// once routine. A condition variable, a semaphore, a barrier and a rwlock held for reading have no owner that is known.
//
// Takes what the waiter said (Waiter::reason and Waiter::object), so that it can be asked of another worker's thread
// while that runs on: the object is read by a system call, which fails where its memory is gone. No lock is waited for
// and nothing is allocated. Any kernel thread; the answer is as old as what was read.
#pragma once

#include "runtime/core/fiber.h"

namespace rondo {

struct Owner {
    uint64_t handle = 0;            // 0: nobody is known
    const Fiber* thread = nullptr;  // null, with a handle: a kernel thread, or a thread that is no more

    explicit operator bool() const { return handle != 0; }
};

Owner owner_of(WaitReason reason, const void* object);

// How many threads hold a rwlock for reading, or have come to a barrier, which waits for `wanted`. Else 0.
struct Crowd {
    uint32_t present = 0;
    uint32_t wanted = 0;
};

Crowd crowd_at(WaitReason reason, const void* object);

// What a thread waits for at this moment. Its worker may go on meanwhile: then this is a mixture, and none of it may be
// followed but through owner_of.
struct Wait {
    WaitReason reason = WaitReason::none;
    const void* object = nullptr;
    Owner owner;
};

// False: it is not parked.
bool read_wait(const Fiber& fiber, Wait& out);

}  // namespace rondo
