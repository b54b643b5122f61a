// SPDX-License-Identifier: Apache-2.0
//
// What an epoll backend keeps for a descriptor number, and lists of those that operations have waited on lately. The
// lists are linked by numbers inside the dense array of watches: an operation lies on its thread's stack, and a list
// through the operations would touch two other idle threads' stacks at each wake-up, a miss of cache and TLB each. A
// watch stays in its list when its operations end: taking it out at once would touch its neighbours', which are cold,
// too. Whoever walks the list meets it and drops it; a watch is linked again at most once a walk.
//
// All-zero is a watch that nobody uses, so that the array can lie in reserved memory that nobody constructed.
#pragma once

#include "runtime/io/op_queue.h"

namespace rondo {

struct Watch {
    uint32_t generation;
    bool registered;
    bool read_blocked;
    bool write_blocked;
    bool never_skip;
    uint32_t next;   // in a WatchList: index + 1, or WatchList::kEnd; 0: in none
    uint32_t since;  // number of the look before which its oldest operation began to wait
    OpQueue readers;
    OpQueue writers;
    OpQueue pollers;

    bool waited_on() const { return !(readers.empty() && writers.empty() && pollers.empty()); }
};

static_assert(sizeof(Watch) == 64);

class WatchList {
   public:
    static constexpr uint32_t kEnd = UINT32_MAX;

    static bool linked(const Watch& watch) { return watch.next != 0; }
    bool empty() const { return first_ == kEnd; }

    // A watch that is in no list.
    void push_back(Watch* array, uint32_t index) {
        array[index].next = kEnd;
        (empty() ? first_ : array[last_ - 1].next) = index + 1;
        last_ = index + 1;
    }

    // The index of the first, which is taken out; the list must not be empty.
    uint32_t pop_front(Watch* array) {
        uint32_t index = first_ - 1;
        first_ = array[index].next;
        array[index].next = 0;
        return index;
    }

   private:
    uint32_t first_ = kEnd;
    uint32_t last_ = 0;
};

}  // namespace rondo
