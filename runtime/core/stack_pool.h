// SPDX-License-Identifier: Apache-2.0
//
// Where stacks come from. Each size class owns slabs: one reserved mapping each, divided into equal slots of
// [guard | usable stack]; a slot's guard lies next to its lower neighbour's top, so that the two share a page-table
// page. Memory is touched by use alone: a parked thread costs its top page and a share of a page-table page.
//
// Free stacks: each worker keeps a few warm ones of each class (StackCache); beyond that they go to the class's free
// list, whose links lie in arrays beside the slabs, not inside the stacks, so a stack given back costs no page. Reuse
// is LIFO: a fault on a fresh page is dearer than all the rest of thread creation.
//
// Slabs are never unmapped: a stale thread handle points at readable memory, and a slot's owner can be found by
// address alone.
//
// Slabs grow under the pool's spinlock; a slot belongs to whoever took it. Any thread, never in a signal handler.
//
// Rejected: one mmap a stack (two VMAs each, 12 to 25 us), split stacks (recompile the world).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/base/sanitizer.h"
#include "runtime/base/spinlock.h"
#include "runtime/core/guard.h"

namespace rondo {

#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
constexpr size_t kStackSideBytes = 256;  // a context knows more there
#else
constexpr size_t kStackSideBytes = 128;
#endif

struct StackSlab {
    char* base = nullptr;
    char* side = nullptr;     // kStackSideBytes for each slot, zero at first
    void* mapping = nullptr;  // what base lies in
    size_t stride = 0;
    uint32_t capacity = 0;
    std::atomic<uint32_t> used{0};  // slots ever handed out, [0, used)
    uint64_t* next_free = nullptr;  // next_free[slot]: link to the free stack behind this one; guarded by the pool
    uint32_t index = 0;             // in order of creation
    uint8_t size_class = 0;
};

// A slot in use. Trivially copyable; empty when slab is null.
struct Stack {
    StackSlab* slab = nullptr;
    uint32_t slot = 0;

    explicit operator bool() const { return slab != nullptr; }
    char* low() const { return slab->base + slot * slab->stride + kGuardBytes; }
    char* top() const { return slab->base + (slot + 1) * slab->stride; }
    size_t bytes() const { return slab->stride - kGuardBytes; }
    // Memory that belongs to the stack's owner and stands densely beside that of other stacks.
    void* side() const { return slab->side + slot * kStackSideBytes; }
};

constexpr size_t kSmallestStack = 64 * 1024;
constexpr int kSizeClasses = 15;  // 64 KB << class, to 1 GB
constexpr size_t kLargestStack = kSmallestStack << (kSizeClasses - 1);
constexpr size_t kDefaultStack = 8 * 1024 * 1024;

// A worker's warm stacks. Used only by its worker.
struct StackCache {
    static constexpr int kPerClass = 32;
    Stack warm[kSizeClasses][kPerClass];
    uint8_t count[kSizeClasses] = {};
};

class StackPool {
   public:
    static StackPool& instance();

    // Once, before the first take. default_bytes: the size that a request of 0 means.
    void init(size_t default_bytes);

    // bytes 0: the default size, which is halved (and said once) where the system refuses so much address space.
    // cache may be null (a thread that is no worker). Empty result: no address space or memory.
    Stack take(size_t bytes, StackCache* cache);
    void give_back(Stack stack, StackCache* cache);

    size_t default_bytes() const { return default_bytes_.load(std::memory_order_relaxed); }
    GuardKind guard_kind() const { return guard_kind_; }
    // True once a stack without a guard in memory exists: switches then check the stack pointer.
    static bool has_unguarded() { return unguarded_.load(std::memory_order_relaxed); }
    int64_t in_use() const { return in_use_.load(std::memory_order_relaxed); }

    // The slot whose side memory begins there; empty if it was never handed out.
    Stack find(const void* side) const;

    // Slabs in order of creation, for the dump; null past the end.
    StackSlab* slab(size_t index) const;

    // Held across a fork, so that the child finds the pool whole.
    Spinlock& fork_lock() { return lock_; }

    // In a forked child: all side memory is zero again but the caller's (null: nobody's). The stacks themselves stay as
    // they are, for the caller may hold pointers into them; they are not handed out again.
    void forget_others(void* callers_side);

   private:
    static constexpr size_t kMaxSlabs = 4096;

    Stack take_from_class(int size_class);
    Stack take_free(int size_class);
    Stack take_fresh(StackSlab* slab);
    StackSlab* add_slab(int size_class);
    void drop_newest_slab(StackSlab& slab);
    bool guard(Stack stack);
    void trim(Stack stack);

    Spinlock lock_;
    StackSlab* slabs_ = nullptr;              // reserved array; entries below slab_count_ are complete
    std::atomic<size_t> slab_count_{0};       // written under lock_
    uint64_t first_free_[kSizeClasses] = {};  // link: slab index << 32 | slot + 1; 0 ends; guarded by lock_
    StackSlab* newest_[kSizeClasses] = {};    // the slab with fresh slots; guarded by lock_
    std::atomic<size_t> default_bytes_{kDefaultStack};
    size_t mprotect_budget_ = 0;               // guarded by lock_
    GuardKind guard_kind_ = GuardKind::check;  // guarded by lock_ once threads exist
    static inline constinit std::atomic<bool> unguarded_{false};
    std::atomic<int64_t> in_use_{0};
};

}  // namespace rondo
