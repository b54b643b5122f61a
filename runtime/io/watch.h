// SPDX-License-Identifier: Apache-2.0
//
// What an epoll backend keeps for a descriptor number, and the list of those that operations wait on, in the order of
// the first one's parking. The list is linked by numbers inside the dense array of watches: an operation lies on its
// thread's stack, and a list through the operations would touch two other idle threads' stacks at each wake-up, a miss
// of cache and TLB each.
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
    uint32_t next;  // in a WatchList: index + 1; 0: in none
    uint32_t previous;
    OpQueue readers;
    OpQueue writers;
    OpQueue pollers;

    bool waited_on() const { return !(readers.empty() && writers.empty() && pollers.empty()); }
};

static_assert(sizeof(Watch) == 64);

// A circular list whose head is an element of the array itself.
class WatchList {
   public:
    void init(Watch* array, uint32_t head) {
        array_ = array;
        head_ = head + 1;
        array_[head].next = array_[head].previous = head_;
    }

    static bool linked(const Watch& watch) { return watch.next != 0; }
    bool empty() const { return head().next == head_; }

    void push_back(uint32_t index) {
        uint32_t link = index + 1;
        Watch& added = array_[index];
        added.next = head_;
        added.previous = head().previous;
        at(added.previous).next = link;
        head().previous = link;
    }

    // Takes a linked watch out of the list of this array in which it is.
    void remove(Watch& watch) {
        at(watch.next).previous = watch.previous;
        at(watch.previous).next = watch.next;
        watch.next = watch.previous = 0;
    }

    // The index of the first, which is taken out; the list must not be empty.
    uint32_t pop_front() {
        uint32_t index = head().next - 1;
        remove(array_[index]);
        return index;
    }

    // Moves all elements of the other list behind ours.
    void append(WatchList& other) {
        if (other.empty()) {
            return;
        }
        Watch& theirs = other.head();
        at(theirs.next).previous = head().previous;
        at(head().previous).next = theirs.next;
        at(theirs.previous).next = head_;
        head().previous = theirs.previous;
        theirs.next = theirs.previous = other.head_;
    }

   private:
    Watch& at(uint32_t link) { return array_[link - 1]; }
    Watch& head() { return at(head_); }
    const Watch& head() const { return array_[head_ - 1]; }

    Watch* array_ = nullptr;
    uint32_t head_ = 0;
};

}  // namespace rondo
