// SPDX-License-Identifier: Apache-2.0
//
// See owners.h. An object is copied as bytes, and its holder is asked of the copy.

#include "runtime/system/owners.h"

#include <sys/uio.h>

#include <cstddef>

#include "runtime/sync/barrier.h"
#include "runtime/sync/mutex.h"
#include "runtime/sync/once.h"
#include "runtime/sync/rwlock.h"

namespace rondo {

namespace {

// The object's bytes as they are at this moment; not as valid where its memory is gone.
template <typename Object>
class Copy {
   public:
    explicit Copy(const void* object) {
        iovec here{bytes_, sizeof bytes_};
        iovec there{const_cast<void*>(object), sizeof bytes_};
        copied_ = sys::call(SYS_process_vm_readv, sys::getpid(), sys::to_arg(&here), 1, sys::to_arg(&there), 1, 0) ==
                  sizeof bytes_;
    }
    const Object* get() const { return copied_ ? reinterpret_cast<const Object*>(bytes_) : nullptr; }

   private:
    alignas(Object) char bytes_[sizeof(Object)];
    bool copied_;
};

template <typename Object, typename Number>
Number ask_copy(const void* object, Number (Object::*question)() const) {
    Copy<Object> copy(object);
    return copy.get() != nullptr ? (copy.get()->*question)() : Number{};
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

Crowd crowd_at(WaitReason reason, const void* object) {
    switch (reason) {
        case WaitReason::rwlock_read:
        case WaitReason::rwlock_write:
            return {ask_copy(object, &Rwlock::readers), 0};
        case WaitReason::barrier:
            return {ask_copy(object, &Barrier::arrived), ask_copy(object, &Barrier::wanted)};
        default:
            return {};
    }
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
