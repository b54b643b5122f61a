// SPDX-License-Identifier: Apache-2.0
//
// See wait_graph.h.

#include "runtime/system/wait_graph.h"

#include "runtime/system/fiber_walk.h"

namespace rondo {

namespace {

uint32_t last_mark = 0;

}  // namespace

const Fiber* blocker_of(const Fiber& fiber) {
    Wait wait;
    bool known = read_wait(fiber, wait) && wait.owner.thread != nullptr;
    return known && wait.owner.thread->state() == FiberState::parked ? wait.owner.thread : nullptr;
}

size_t find_cycles(const Fiber** heads, size_t capacity) {
    const uint32_t older = last_mark;
    size_t count = 0;
    for_each_fiber([&](const Fiber& fiber) {
        const uint32_t mine = ++last_mark;
        const Fiber* at = &fiber;
        while (at != nullptr && at->rest->mark <= older) {
            at->rest->mark = mine;
            at = blocker_of(*at);
        }
        if (at != nullptr && at->rest->mark == mine) {
            heads[count++] = at;
        }
        return count < capacity;
    });
    return count;
}

}  // namespace rondo
