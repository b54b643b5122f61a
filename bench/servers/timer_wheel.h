// SPDX-License-Identifier: Apache-2.0
//
// The time limits of an event loop's connections: a hashed wheel of 512 slots of 64 ms (Varghese and Lauck, SOSP 1987).
// Connections move their deadline with every request and nearly never reach it, so a later deadline is only stored: the
// node stays in the slot where it stands and is put further on when that slot comes. Only an earlier one moves the
// node. A deadline beyond the wheel's span (33 s) waits in the farthest slot and is looked at again there. Late by up
// to one slot, never early. One loop's thread owns a wheel. A heap was rejected: it would move a node with each
// request.
#pragma once

#include <cstdint>

namespace twin {

struct TimerNode {
    TimerNode* next = nullptr;
    TimerNode* previous = nullptr;
    uint64_t deadline = 0;  // ms, of the clock that the loop uses
    uint64_t tick = 0;      // of the slot that it stands in

    bool armed() const { return next != nullptr; }
};

class TimerWheel {
   public:
    explicit TimerWheel(uint64_t now_ms) : tick_(now_ms >> kShift) {
        for (TimerNode& head : heads_) head.next = head.previous = &head;
    }
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;

    void set(TimerNode& node, uint64_t deadline_ms) {
        node.deadline = deadline_ms;
        const uint64_t tick = (deadline_ms >> kShift) + 1;
        if (node.armed() && node.tick <= tick) return;
        cancel(node);
        insert(node);
    }

    void cancel(TimerNode& node) {
        if (!node.armed()) return;
        unlink(node);
        node.next = nullptr;
    }

    // Calls `due(node)` for each node whose deadline is past; the node is no longer armed then.
    template <typename Due>
    void expire(uint64_t now_ms, Due&& due) {
        const uint64_t now_tick = now_ms >> kShift;
        if (now_tick < earliest_) {
            tick_ = now_tick;
            return;
        }
        if (now_tick - tick_ > kSlots) tick_ = now_tick - kSlots;
        while (tick_ < now_tick) {
            ++tick_;
            expire_slot(heads_[tick_ % kSlots], now_ms, due);
        }
        earliest_ = next_occupied();
    }

    // How long the loop may sleep: ms until the next slot that had a node in it, -1 when there is none.
    int sleep_ms(uint64_t now_ms) const {
        if (earliest_ == kNever) return -1;
        const uint64_t at = earliest_ << kShift;
        return at > now_ms ? static_cast<int>(at - now_ms) : 0;
    }

   private:
    static constexpr uint64_t kSlots = 512;
    static constexpr int kShift = 6;
    static constexpr uint64_t kNever = ~uint64_t{0};

    static void unlink(TimerNode& node) {
        node.previous->next = node.next;
        node.next->previous = node.previous;
    }

    // Moves a slot's nodes to a list of their own, so that one which is put into this slot again is not met twice.
    static void take_all(TimerNode& head, TimerNode& list) {
        if (head.next == &head) {
            list.next = list.previous = &list;
            return;
        }
        list.next = head.next;
        list.previous = head.previous;
        list.next->previous = list.previous->next = &list;
        head.next = head.previous = &head;
    }

    template <typename Due>
    void expire_slot(TimerNode& head, uint64_t now_ms, Due&& due) {
        TimerNode passed;
        take_all(head, passed);
        while (passed.next != &passed) {
            TimerNode& node = *passed.next;
            cancel(node);
            if (node.deadline < now_ms) {
                due(node);
            } else {
                insert(node);
            }
        }
    }

    uint64_t next_occupied() const {
        for (uint64_t tick = tick_ + 1; tick <= tick_ + kSlots; ++tick) {
            const TimerNode& head = heads_[tick % kSlots];
            if (head.next != &head) return tick;
        }
        return kNever;
    }

    void insert(TimerNode& node) {
        const uint64_t tick = (node.deadline >> kShift) + 1;
        const uint64_t first = tick_ + 1, last = tick_ + kSlots;
        node.tick = tick < first ? first : tick > last ? last : tick;
        TimerNode& head = heads_[node.tick % kSlots];
        node.previous = head.previous;
        node.next = &head;
        head.previous->next = &node;
        head.previous = &node;
        if (node.tick < earliest_) earliest_ = node.tick;
    }

    TimerNode heads_[kSlots];
    uint64_t tick_;               // all slots up to this one have been looked at
    uint64_t earliest_ = kNever;  // no node stands in a slot before this one
};

}  // namespace twin
