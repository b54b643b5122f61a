// SPDX-License-Identifier: Apache-2.0
//
// All threads of the process, for reports: main's static block, and the blocks beside the stack pool's slots. Nothing
// is locked; threads that begin or end meanwhile are met or not, and their blocks stay readable.
#pragma once

#include "runtime/core/fiber.h"

namespace rondo {

// Calls visit(fiber) for each thread in the order of their slots, the adopted one first; a false ends the walk. Blocks
// that no thread has are left out.
template <typename Visit>
#if defined(RONDO_TSAN)
__attribute__((no_sanitize("thread")))
#endif
void for_each_fiber(Visit visit) {
    Fiber* adopted = adopted_fiber.load(std::memory_order_acquire);
    if (adopted != nullptr && adopted->state() != FiberState::none && !visit(*adopted)) {
        return;
    }
    for (size_t i = 0; StackSlab* slab = StackPool::instance().slab(i); ++i) {
        uint32_t used = slab->used.load(std::memory_order_acquire);
        for (uint32_t slot = 0; slot < used; ++slot) {
            Fiber* fiber = Fiber::beside({slab, slot});
            if (fiber->state() != FiberState::none && !visit(*fiber)) {
                return;
            }
        }
    }
}

}  // namespace rondo
