// SPDX-License-Identifier: Apache-2.0
//
// The heap's moves. A slot is carried along and written once at its end instead of swapped at each level.

#include "runtime/core/timers.h"

#include "runtime/base/check.h"
#include "runtime/base/reserve.h"

namespace rondo {

bool Timers::init() {
    heap_ = reserve_array<Slot>(kCapacity);
    return heap_ != nullptr;
}

void Timers::release() {
    if (heap_ != nullptr) {
        sys::munmap(heap_, kCapacity * sizeof(Slot));
    }
}

bool Timers::arm(Timer& timer) {
    RONDO_CHECK(!timer.armed());
    if (count_ == kCapacity) {
        return false;
    }
    sift_up(count_++, {timer.deadline, &timer});
    return true;
}

void Timers::disarm(Timer& timer) {
    RONDO_CHECK(timer.armed() && heap_[timer.index].timer == &timer);
    size_t hole = timer.index;
    timer.index = Timer::kUnarmed;
    Slot last = heap_[--count_];
    if (hole == count_) {
        return;
    }
    if (hole > 0 && last.deadline < heap_[(hole - 1) / kFanOut].deadline) {
        sift_up(hole, last);
    } else {
        sift_down(hole, last);
    }
}

void Timers::fire(Nanoseconds now) {
    while (count_ > 0 && heap_[0].deadline <= now) {
        Timer* due = heap_[0].timer;
        disarm(*due);
        due->expire(*due);
    }
}

void Timers::place(size_t index, Slot slot) {
    heap_[index] = slot;
    slot.timer->index = static_cast<uint32_t>(index);
}

void Timers::sift_up(size_t index, Slot slot) {
    while (index > 0) {
        size_t parent = (index - 1) / kFanOut;
        if (heap_[parent].deadline <= slot.deadline) {
            break;
        }
        place(index, heap_[parent]);
        index = parent;
    }
    place(index, slot);
}

void Timers::sift_down(size_t index, Slot slot) {
    for (;;) {
        size_t first = index * kFanOut + 1;
        if (first >= count_) {
            break;
        }
        size_t end = first + kFanOut < count_ ? first + kFanOut : count_;
        size_t least = first;
        for (size_t child = first + 1; child < end; ++child) {
            least = heap_[child].deadline < heap_[least].deadline ? child : least;
        }
        if (slot.deadline <= heap_[least].deadline) {
            break;
        }
        place(index, heap_[least]);
        index = least;
    }
    place(index, slot);
}

}  // namespace rondo
