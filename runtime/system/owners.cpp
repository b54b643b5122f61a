// SPDX-License-Identifier: Apache-2.0
//
// See owners.h. An object is copied as bytes, and its holder is asked of the copy.

#include "runtime/system/owners.h"

#include <sys/uio.h>

#include <cstddef>

#include "runtime/sync/mutex.h"
#include "runtime/sync/once.h"
#include "runtime/sync/rwlock.h"

namespace rondo {

namespace {

template <typename Object>
uint64_t ask_copy(const void* object, uint64_t (Object::*holder)() const) {
    alignas(Object) char copy[sizeof(Object)];
    iovec here{copy, sizeof copy};
    iovec there{const_cast<void*>(object), sizeof copy};
    long copied = sys::call(SYS_process_vm_readv, sys::getpid(), sys::to_arg(&here), 1, sys::to_arg(&there), 1, 0);
    return copied == sizeof copy ? (reinterpret_cast<const Object*>(copy)->*holder)() : 0;
}

// A join waits at the join_state of the thread that is to end. A handle is the address of a block, but for main's.
uint64_t joined_thread(const void* join_state) {
    uint64_t block = reinterpret_cast<uint64_t>(join_state) - offsetof(Fiber, join_state);
    const Fiber* adopted = adopted_fiber.load(std::memory_order_acquire);
    if (block == reinterpret_cast<uint64_t>(adopted)) {
        return adopted->handle;
    }
    return Fiber::from_handle(block) != nullptr ? block : 0;
}

uint64_t holder_of(WaitReason reason, const void* object) {
    switch (reason) {
        case WaitReason::mutex:
            return ask_copy(object, &Mutex::holder);
        case WaitReason::rwlock_read:
        case WaitReason::rwlock_write:
            return ask_copy(object, &Rwlock::writer);
        case WaitReason::once:
            return Once::runner_of(object);
        case WaitReason::join:
            return joined_thread(object);
        default:
            return 0;
    }
}

}  // namespace

#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
Owner owner_of(WaitReason reason, const void* object) {
    uint64_t handle = holder_of(reason, object);
    return {handle, handle != 0 ? Fiber::from_handle(handle) : nullptr};
}

// The waiter lies on the thread's stack, which stays readable.
#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
bool read_wait(const Fiber& fiber, Wait& out) {
    const Waiter* waiter = __atomic_load_n(&fiber.waiting, __ATOMIC_RELAXED);
    if (fiber.state() != FiberState::parked || waiter == nullptr) {
        return false;
    }
    out.reason = waiter->reason;
    out.object = __atomic_load_n(&waiter->object, __ATOMIC_RELAXED);
    out.owner = owner_of(out.reason, out.object);
    return true;
}

}  // namespace rondo
