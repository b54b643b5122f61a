// SPDX-License-Identifier: Apache-2.0
//
// Messages to a worker from any thread: a lock-free stack that the worker takes whole and reverses, so that messages of
// one sender keep their order. The node belongs to whatever it is about (a fiber, an operation, a frame) and must live
// until its run() is called, on the worker's kernel thread.
//
// Rejected: a bounded ring. A full ring would make a wake-up fail or block, and a wake-up must do neither.
#pragma once

#include <atomic>

namespace rondo {

struct Message {
    void (*run)(Message&) = nullptr;
    void* subject = nullptr;  // what run() is about
    Message* next = nullptr;
};

class Inbox {
   public:
    void push(Message& message) {
        Message* head = head_.load(std::memory_order_relaxed);
        do {
            message.next = head;
        } while (!head_.compare_exchange_weak(head, &message, std::memory_order_seq_cst, std::memory_order_relaxed));
    }

    bool empty() const { return head_.load(std::memory_order_seq_cst) == nullptr; }

    // Oldest first; null when there are none.
    Message* take_all() {
        if (head_.load(std::memory_order_relaxed) == nullptr) {
            return nullptr;
        }
        Message* newest = head_.exchange(nullptr, std::memory_order_acquire);
        Message* oldest = nullptr;
        while (newest != nullptr) {
            Message* older = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = older;
        }
        return oldest;
    }

   private:
    std::atomic<Message*> head_{nullptr};
};

}  // namespace rondo
