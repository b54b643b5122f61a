// SPDX-License-Identifier: Apache-2.0
//
// Threads that wait for each other in a circle: each is followed to the owner of what it waits for, and on from there.
// A thread has one owner at most, so following never branches; each is passed once (it gets a mark), and who meets a
// mark of his own walk stands on a circle. O(threads), and nothing is allocated.
//
// Only while no thread runs.
#pragma once

#include <cstddef>

#include "runtime/system/owners.h"

namespace rondo {

// The parked thread that has to act before this one can go on, or null: not known, none of ours, or it does not wait.
const Fiber* blocker_of(const Fiber& fiber);

// One thread of each circle, at most `capacity`; returns how many.
size_t find_cycles(const Fiber** heads, size_t capacity);

}  // namespace rondo
