// SPDX-License-Identifier: Apache-2.0
//
// Private futexes on the wait table: for locks whose word lies in somebody else's object (stdio's), and under the
// system call of the same name (system/futex_call). Only waiters that came by futex_wait are seen here: a wake on the
// address of a mutex of ours finds nobody.
#pragma once

#include <cstdint>

#include "runtime/core/interrupt.h"

namespace rondo {

constexpr uint32_t kEveryBit = UINT32_MAX;

// 0, EAGAIN (the word differs), ETIMEDOUT, or EINTR as `restart` says.
int futex_wait(const uint32_t* word, uint32_t expected, Deadline deadline, uint32_t bits = kEveryBit,
               Restart restart = Restart::always);

// Wakes at most `count` of those that wait for one of these bits; returns how many. Uses the address only.
int futex_wake(const uint32_t* word, int count, uint32_t bits = kEveryBit);

struct FutexMove {
    int wake;                  // so many are woken
    int move;                  // so many of the others go on waiting at `to`, behind those who are there
    const uint32_t* expected;  // what the first word must hold; null: anything
};

// Of two different words. Returns how many were woken or moved, or -EAGAIN.
int futex_requeue(const uint32_t* word, const uint32_t* to, FutexMove what);

}  // namespace rondo
