// SPDX-License-Identifier: Apache-2.0
//
// What jump_fcontext leaves on the stack of the side that it suspends, from its stack pointer up: the registers that a
// call keeps, and where the thread goes on. Whoever unwinds a parked thread starts from these; the stack pointer that
// the thread goes on with is the address behind them. Without Boost, for tools.
#pragma once

#include <cstdint>

namespace rondo {

struct SavedContext {
    uint64_t floating_point;  // MXCSR and the x87 control word
    uint64_t r12;
    uint64_t r13;
    uint64_t r14;
    uint64_t r15;
    uint64_t rbx;
    uint64_t rbp;
    uint64_t pc;
};

static_assert(sizeof(SavedContext) == 64);

}  // namespace rondo
