// SPDX-License-Identifier: Apache-2.0
// Memory for the race detector, and a table of pointers by address.
//
// The detector stands below malloc (it is told of each block), so it takes its memory from the kernel: one large
// reservation, given out from the bottom and never given back, for a run under exploration is short. All of this
// library's state is used by the one worker that a run under RONDO_SCHED=seed or replay has, so nothing locks.
#ifndef RONDO_RACE_ARENA_H
#define RONDO_RACE_ARENA_H

#include <stddef.h>
#include <stdint.h>

namespace rondo::race {

// Zeroed memory; ends the process with a line when the reservation is used up.
void* allocate(size_t bytes);

template <typename T>
T* allocate_array(size_t count) {
    return static_cast<T*>(allocate(count * sizeof(T)));
}

// Open addressing with linear probing, doubled when half full. Key 0 is none.
template <typename T>
class AddressTable {
   public:
    T* find(uint64_t key) const {
        for (size_t i = start(key); capacity_ != 0 && slots_[i].key != 0; i = next(i)) {
            if (slots_[i].key == key) return slots_[i].value;
        }
        return nullptr;
    }

    void set(uint64_t key, T* value) {
        if (2 * (used_ + 1) > capacity_) grow();
        size_t i = start(key);
        while (slots_[i].key != 0 && slots_[i].key != key) i = next(i);
        used_ += slots_[i].key == 0 ? 1 : 0;
        slots_[i] = {key, value};
    }

    size_t size() const { return used_; }

    template <typename F>
    void each(F visit) const {
        for (size_t i = 0; i < capacity_; ++i) {
            if (slots_[i].key != 0) visit(slots_[i].key, *slots_[i].value);
        }
    }

   private:
    struct Slot {
        uint64_t key;
        T* value;
    };
    static constexpr size_t kFirstCapacity = 1024;

    size_t start(uint64_t key) const { return (key * 0x9E3779B97F4A7C15ULL >> 20) & (capacity_ - 1); }
    size_t next(size_t i) const { return (i + 1) & (capacity_ - 1); }

    void grow() {
        Slot* old = slots_;
        size_t count = capacity_;
        capacity_ = count == 0 ? kFirstCapacity : 2 * count;
        slots_ = allocate_array<Slot>(capacity_);
        used_ = 0;
        for (size_t i = 0; i < count; ++i) {
            if (old[i].key != 0) set(old[i].key, old[i].value);
        }
    }

    Slot* slots_ = nullptr;
    size_t capacity_ = 0;
    size_t used_ = 0;
};

}  // namespace rondo::race

#endif
