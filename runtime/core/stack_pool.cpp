// SPDX-License-Identifier: Apache-2.0
//
// Slabs, slots and their free lists. The sizes: a slab spans at most 64 GB; where the system refuses that, a half, and
// so on down to 16 stacks. It begins 1 MB past a 2 MB boundary: then a guard and its lower neighbour's top page fall
// under the same page-table page for strides near a power of two.

#include "runtime/core/stack_pool.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/reserve.h"
#include "runtime/core/choice.h"

namespace rondo {

namespace {

constexpr size_t kSlabBytes = 64ULL << 30;
constexpr size_t kFewestSlots = 16;
constexpr size_t kMostSlots = 1U << 17;
constexpr size_t kHugePage = 2U << 20;
constexpr size_t kPage = 4096;

constinit StackPool pool;

int class_of(size_t bytes) {
    int size_class = 0;
    while (size_class < kSizeClasses && (kSmallestStack << size_class) < bytes) {
        ++size_class;
    }
    return size_class;
}

char* align_past_boundary(char* memory) {
    auto address = reinterpret_cast<uintptr_t>(memory);
    uintptr_t aligned = (address + kHugePage - 1) & ~(kHugePage - 1);
    return reinterpret_cast<char*>(aligned + kHugePage / 2);
}

void release(void* memory, size_t bytes) {
    if (memory != nullptr) {
        sys::munmap(memory, bytes);
    }
}

// A run that looks for faults leaves nothing of an ended thread's frames: whoever still uses them is to fail. Not for
// the sanitizers, which see that by themselves.
void spoil([[maybe_unused]] Stack stack) {
#if !defined(RONDO_ASAN) && !defined(RONDO_TSAN)
    constexpr int kSpoilt = 0xDB;
    memset(stack.top() - kPage, kSpoilt, kPage);
#endif
}

}  // namespace

StackPool& StackPool::instance() { return pool; }

void StackPool::init(size_t default_bytes) {
    slabs_ = slabs_ == nullptr ? reserve_array<StackSlab>(kMaxSlabs) : slabs_;
    guard_kind_ = probe_guard_kind();
    mprotect_budget_ = guard_kind_ == GuardKind::mprotect ? mprotect_guard_budget() : 0;
    if (default_bytes != 0) {
        default_bytes_.store(default_bytes, std::memory_order_relaxed);
    }
}

Stack StackPool::take(size_t bytes, StackCache* cache) {
    bool default_size = bytes == 0;
    for (;;) {
        size_t wanted = default_size ? default_bytes() : bytes;
        int size_class = class_of(wanted);
        if (size_class == kSizeClasses || slabs_ == nullptr) {
            return {};
        }
        if (cache != nullptr && cache->count[size_class] > 0) {
            in_use_.fetch_add(1, std::memory_order_relaxed);
            return cache->warm[size_class][--cache->count[size_class]];
        }
        if (Stack stack = take_from_class(size_class)) {
            in_use_.fetch_add(1, std::memory_order_relaxed);
            return stack;
        }
        if (!default_size || wanted <= kSmallestStack) {
            return {};
        }
        if (default_bytes_.compare_exchange_strong(wanted, wanted / 2)) {
            Line note;
            note << "rondo: the system refuses address space for stacks of " << wanted / 1024
                 << " KB; the default is now " << wanted / 2048 << " KB";
            note.send(2);
        }
    }
}

Stack StackPool::take_from_class(int size_class) {
    SpinGuard hold(lock_);
    if (Stack stack = take_free(size_class)) {
        return stack;
    }
    if (Stack stack = take_fresh(newest_[size_class])) {
        return stack;
    }
    StackSlab* slab = add_slab(size_class);
    Stack stack = take_fresh(slab);
    if (slab != nullptr && !stack) {
        drop_newest_slab(*slab);
    } else if (slab != nullptr) {
        newest_[size_class] = slab;
    }
    return stack;
}

// Under lock_.
Stack StackPool::take_free(int size_class) {
    uint64_t link = first_free_[size_class];
    if (link == 0) {
        return {};
    }
    Stack stack{&slabs_[link >> 32], static_cast<uint32_t>(link) - 1};
    first_free_[size_class] = stack.slab->next_free[stack.slot];
    return stack;
}

// Under lock_. A slot handed out for the first time gets its guard here.
Stack StackPool::take_fresh(StackSlab* slab) {
    uint32_t used = slab != nullptr ? slab->used.load(std::memory_order_relaxed) : 0;
    if (slab == nullptr || used == slab->capacity || !guard({slab, used})) {
        return {};
    }
    slab->used.store(used + 1, std::memory_order_release);
    return {slab, used};
}

// False: no memory for the guard itself.
bool StackPool::guard(Stack stack) {
    char* low = stack.low() - kGuardBytes;
    if (guard_kind_ == GuardKind::madvise) {
        long error = install_guard(GuardKind::madvise, low);
        if (error != -EINVAL) {
            return error == 0;
        }
        guard_kind_ = GuardKind::mprotect;  // locked memory (mlockall) takes no markers
        mprotect_budget_ = mprotect_guard_budget();
    }
    if (mprotect_budget_ > 0 && install_guard(GuardKind::mprotect, low) == 0) {
        --mprotect_budget_;
        return true;
    }
    if (!unguarded_.exchange(true)) {
        Line note;
        note << "rondo: vm.max_map_count leaves no more stack guards; further stacks are checked at each switch";
        note.send(2);
    }
    return true;
}

StackSlab* StackPool::add_slab(int size_class) {
    size_t index = slab_count_.load(std::memory_order_relaxed);
    size_t stride = (kSmallestStack << size_class) + kGuardBytes;
    size_t capacity = kSlabBytes / stride < kMostSlots ? kSlabBytes / stride : kMostSlots;
    void* memory = nullptr;
    while (index < kMaxSlabs && memory == nullptr && capacity >= kFewestSlots) {
        memory = reserve_bytes(capacity * stride + 2 * kHugePage);
        capacity = memory == nullptr ? capacity / 2 : capacity;
    }
    if (memory == nullptr) {
        return nullptr;
    }
    uint64_t* links = reserve_array<uint64_t>(capacity);
    void* side = reserve_bytes(capacity * kStackSideBytes);
    if (links == nullptr || side == nullptr) {
        release(memory, capacity * stride + 2 * kHugePage);
        release(links, capacity * sizeof(uint64_t));
        release(side, capacity * kStackSideBytes);
        return nullptr;
    }
    sys::madvise(memory, capacity * stride + 2 * kHugePage, MADV_NOHUGEPAGE);
    StackSlab& slab = slabs_[index];
    slab.base = align_past_boundary(static_cast<char*>(memory));
    slab.stride = stride;
    slab.capacity = static_cast<uint32_t>(capacity);
    slab.next_free = links;
    slab.mapping = memory;
    slab.side = static_cast<char*>(side);
    slab.index = static_cast<uint32_t>(index);
    slab.used.store(0, std::memory_order_relaxed);
    slab.size_class = static_cast<uint8_t>(size_class);
    slab_count_.store(index + 1, std::memory_order_release);
    return &slab;
}

// Under lock_: the slab whose first guard found no memory was never used.
void StackPool::drop_newest_slab(StackSlab& slab) {
    slab_count_.store(slab.index, std::memory_order_release);
    release(slab.mapping, slab.capacity * slab.stride + 2 * kHugePage);
    release(slab.next_free, slab.capacity * sizeof(uint64_t));
    release(slab.side, slab.capacity * kStackSideBytes);
}

void StackPool::give_back(Stack stack, StackCache* cache) {
    in_use_.fetch_sub(1, std::memory_order_relaxed);
    if (exploring()) {
        spoil(stack);
    }
    int size_class = stack.slab->size_class;
    if (cache != nullptr && cache->count[size_class] < StackCache::kPerClass) {
        cache->warm[size_class][cache->count[size_class]++] = stack;
        return;
    }
    trim(stack);
    SpinGuard hold(lock_);
    stack.slab->next_free[stack.slot] = first_free_[size_class];
    first_free_[size_class] = static_cast<uint64_t>(stack.slab->index) << 32 | (stack.slot + 1);
}

// Gives back all but the top page, which the next owner touches first.
void StackPool::trim(Stack stack) { sys::madvise(stack.low(), stack.bytes() - kPage, MADV_DONTNEED); }

StackSlab* StackPool::slab(size_t index) const {
    return index < slab_count_.load(std::memory_order_acquire) ? &slabs_[index] : nullptr;
}

Stack StackPool::find(const void* side) const {
    auto* byte = static_cast<const char*>(side);
    for (size_t i = 0; StackSlab* candidate = slab(i); ++i) {
        auto offset = static_cast<size_t>(byte - candidate->side);
        bool at_slot = byte >= candidate->side && offset % kStackSideBytes == 0;
        if (at_slot && offset / kStackSideBytes < candidate->used.load(std::memory_order_acquire)) {
            return {candidate, static_cast<uint32_t>(offset / kStackSideBytes)};
        }
    }
    return {};
}

void StackPool::forget_others(void* callers_side) {
    char kept[kStackSideBytes];
    if (callers_side != nullptr) {
        memcpy(kept, callers_side, sizeof kept);
    }
    for (size_t i = 0; StackSlab* each = slab(i); ++i) {
        sys::madvise(each->side, each->capacity * kStackSideBytes, MADV_DONTNEED);
    }
    if (callers_side != nullptr) {
        memcpy(callers_side, kept, sizeof kept);
    }
    in_use_.store(callers_side != nullptr ? 1 : 0, std::memory_order_relaxed);
}

}  // namespace rondo
