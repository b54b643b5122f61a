// SPDX-License-Identifier: Apache-2.0
//
// Equal blocks from one reserved range, never returned to the system, for what the runtime must allocate where malloc
// is forbidden (a preloaded allocator takes pthread mutexes, which are ours). Any thread; a block is returned zeroed by
// its user or is cleared here, so that take() always gives zeroes.
#pragma once

#include <cstring>

#include "runtime/base/reserve.h"
#include "runtime/base/spinlock.h"

namespace rondo {

template <typename T, size_t kCapacity>
class BlockPool {
   public:
    // Null when the address space or the capacity is used up.
    T* take() {
        SpinGuard hold(lock_);
        if (free_ != nullptr) {
            Free* block = free_;
            free_ = block->next;
            block->next = nullptr;
            return reinterpret_cast<T*>(block);
        }
        if (blocks_ == nullptr) {
            blocks_ = reserve_array<Storage>(kCapacity);
        }
        bool room = blocks_ != nullptr && used_ < kCapacity;
        return room ? reinterpret_cast<T*>(&blocks_[used_++]) : nullptr;
    }

    void give_back(T* block) {
        memset(static_cast<void*>(block), 0, sizeof(Storage));
        SpinGuard hold(lock_);
        auto* link = reinterpret_cast<Free*>(block);
        link->next = free_;
        free_ = link;
    }

    Spinlock& lock() { return lock_; }

   private:
    struct Free {
        Free* next;
    };
    struct alignas(T) alignas(Free) Storage {
        char bytes[sizeof(T) < sizeof(Free) ? sizeof(Free) : sizeof(T)];
    };

    Spinlock lock_;
    Storage* blocks_ = nullptr;  // the rest is guarded by lock_
    size_t used_ = 0;
    Free* free_ = nullptr;
};

}  // namespace rondo
