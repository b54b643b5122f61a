// SPDX-License-Identifier: Apache-2.0
//
// Thread-specific data: pthread_key_create and friends, for fibers and for any other kernel thread. A value carries the
// generation of the key it was stored under, so that deleting a key forgets its values without visiting a thread.
//
// The first few slots of a fiber are part of its control block; the others come, all at once, from a pool of blocks of
// reserved memory. A kernel thread that is no worker finds its slots by one key of libc's, whose destructor runs ours
// when that thread ends.
//
// The key table is guarded by a spinlock for create and delete; the others read a key's generation and destructor
// with atomic loads. A thread's slots are its own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/spinlock.h"

namespace rondo {

constexpr unsigned kMaxKeys = 1024;
constexpr int kDestructorRounds = 4;  // PTHREAD_DESTRUCTOR_ITERATIONS

struct LocalSlot {
    const void* value;
    uint64_t generation;  // 0: never set
};

class LocalSlots {
   public:
    static constexpr unsigned kInline = 8;

    // Null where nothing was stored under the key as it is now.
    void* get(unsigned key) const;

    // 0, EINVAL (no such key) or ENOMEM.
    int set(unsigned key, const void* value);

    // Calls destructors of non-null values, at most kDestructorRounds rounds, then frees the blocks.
    void run_destructors();

    // Takes over what the calling kernel thread had stored before it became a fiber.
    void adopt_foreign();

   private:
    LocalSlot* find(unsigned key);
    bool destroy_round();

    LocalSlot inline_[kInline] = {};
    LocalSlot* rest_ = nullptr;  // kMaxKeys - kInline of them
    bool any_set_ = false;
};

// 0 or EAGAIN (all keys taken).
int create_key(unsigned& key, void (*destructor)(void*));
// 0 or EINVAL.
int delete_key(unsigned key);

// Each lock of this file, to be held across a fork.
void visit_local_locks(void (*visit)(Spinlock&));

// The calling thread's slots: its fiber's, or those of a kernel thread (created when `create`; else null if it has
// none).
LocalSlots* current_local_slots(bool create);

}  // namespace rondo
