// SPDX-License-Identifier: Apache-2.0
//
// Private futexes on the wait table, for locks whose word lies in somebody else's object (stdio's).
#pragma once

#include <cstdint>

#include "runtime/core/waiter.h"

namespace rondo {

// 0, EAGAIN (the word differs) or ETIMEDOUT.
int futex_wait(const uint32_t* word, uint32_t expected, Deadline deadline);

// Wakes at most `count`; returns how many.
int futex_wake(const uint32_t* word, int count);

}  // namespace rondo
