// SPDX-License-Identifier: Apache-2.0
//
// Intrusive circular doubly linked list. The node is a member or base of the element, so that queueing allocates
// nothing and removal from the middle is O(1). An unlinked node points at nothing; linking it twice panics.
#pragma once

#include "runtime/base/check.h"

namespace rondo {

struct ListNode {
    ListNode* next = nullptr;
    ListNode* previous = nullptr;

    bool linked() const { return next != nullptr; }

    void unlink() {
        next->previous = previous;
        previous->next = next;
        next = previous = nullptr;
    }

    void link_before(ListNode& position) {
        RONDO_CHECK(!linked());
        next = &position;
        previous = position.previous;
        previous->next = this;
        position.previous = this;
    }
};

// T derives from ListNode.
template <typename T>
class List {
   public:
    constexpr List() { head_.next = head_.previous = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    bool empty() const { return head_.next == &head_; }
    T* front() { return empty() ? nullptr : static_cast<T*>(head_.next); }
    T* back() { return empty() ? nullptr : static_cast<T*>(head_.previous); }
    // The element's neighbours, null at the ends.
    T* after(T& element) { return element.next == &head_ ? nullptr : static_cast<T*>(element.next); }
    T* before(T& element) { return element.previous == &head_ ? nullptr : static_cast<T*>(element.previous); }
    // Behind the position; null: at the front.
    void insert_after(T* position, T& element) {
        element.link_before(position != nullptr ? *position->next : *head_.next);
    }
    void push_back(T& element) { element.link_before(head_); }

    // Calls visit(element) for each, in order; it must not change the list.
    template <typename F>
    void for_each(F visit) {
        for (ListNode* node = head_.next; node != &head_; node = node->next) {
            visit(*static_cast<T*>(node));
        }
    }

    // Moves all elements of the other list behind ours, in O(1).
    void append(List& other) {
        if (other.empty()) {
            return;
        }
        other.head_.next->previous = head_.previous;
        head_.previous->next = other.head_.next;
        other.head_.previous->next = &head_;
        head_.previous = other.head_.previous;
        other.head_.next = other.head_.previous = &other.head_;
    }

    T* pop_front() {
        T* first = front();
        if (first != nullptr) {
            first->unlink();
        }
        return first;
    }

   private:
    ListNode head_;
};

}  // namespace rondo
