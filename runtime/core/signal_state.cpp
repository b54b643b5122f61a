// SPDX-License-Identifier: Apache-2.0
//
// See signal_state.h.

#include "runtime/core/signal_state.h"

#include "runtime/base/block_pool.h"

namespace rondo {

constinit Spinlock signals_lock;

namespace {

constinit BlockPool<QueuedSignal, 1U << 16> nodes;

}  // namespace

// Searched from the back: mostly a number joins its equals there.
bool SignalQueue::push(const siginfo_t& info) {
    QueuedSignal* node = nodes.take();
    if (node == nullptr) {
        return false;
    }
    node->info = info;
    QueuedSignal* behind = list_.back();
    while (behind != nullptr && behind->info.si_signo > info.si_signo) {
        behind = list_.before(*behind);
    }
    list_.insert_after(behind, *node);
    set_.fetch_or(signal_bit(info.si_signo), std::memory_order_relaxed);
    return true;
}

bool SignalQueue::take(SignalSet wanted, siginfo_t& info) {
    if ((set() & wanted) == 0) {
        return false;
    }
    QueuedSignal* node = list_.front();
    while ((signal_bit(node->info.si_signo) & wanted) == 0) {
        node = list_.after(*node);
    }
    info = node->info;
    QueuedSignal* next = list_.after(*node);
    bool last_of_number = next == nullptr || next->info.si_signo != info.si_signo;
    node->unlink();
    nodes.give_back(node);
    if (last_of_number) {
        set_.fetch_and(~signal_bit(info.si_signo), std::memory_order_relaxed);
    }
    return true;
}

void SignalQueue::clear() {
    while (QueuedSignal* node = list_.pop_front()) {
        nodes.give_back(node);
    }
    set_.store(0, std::memory_order_relaxed);
}

}  // namespace rondo
