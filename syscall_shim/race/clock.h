// SPDX-License-Identifier: Apache-2.0
// Vector clocks (Fidge 1988, Mattern 1989): for each thread, how far into its life one has heard of it.
//
// A thread's own entry counts its releases. What a thread did at entry e happened before whatever has at least e in
// that place of its clock.
#ifndef RONDO_RACE_CLOCK_H
#define RONDO_RACE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"

namespace rondo::race {

class Clock {
   public:
    uint32_t at(uint32_t thread) const { return thread < size_ ? values_[thread] : 0; }

    void set(uint32_t thread, uint32_t value) {
        reserve(thread + 1);
        values_[thread] = value;
    }

    void join(const Clock& other) {
        reserve(other.size_);
        for (uint32_t i = 0; i < other.size_; ++i) {
            if (values_[i] < other.values_[i]) values_[i] = other.values_[i];
        }
    }

    void forget() {
        for (uint32_t i = 0; i < size_; ++i) values_[i] = 0;
    }

   private:
    void reserve(uint32_t count) {
        if (count <= size_) return;
        if (count > capacity_) {
            uint32_t capacity = capacity_ == 0 ? 8 : capacity_;
            while (capacity < count) capacity *= 2;
            auto* larger = allocate_array<uint32_t>(capacity);
            for (uint32_t i = 0; i < size_; ++i) larger[i] = values_[i];
            values_ = larger;
            capacity_ = capacity;
        }
        size_ = count;
    }

    uint32_t* values_ = nullptr;
    uint32_t size_ = 0;
    uint32_t capacity_ = 0;
};

}  // namespace rondo::race

#endif
