// SPDX-License-Identifier: Apache-2.0
//
// What a thread keeps about signals: its mask, which never reaches the kernel while it is a fiber, and the signals that
// were sent to it alone and wait. The system floor gives them their meaning; only the data is here.
//
// A queue is sorted by signal number, first come first served within a number, as the kernel delivers real-time
// signals. Its nodes come from one reserved pool, for a signal must be kept where malloc is forbidden.
#pragma once

#include <signal.h>

#include <atomic>

#include "runtime/base/list.h"
#include "runtime/base/spinlock.h"
#include "runtime/core/inbox.h"

namespace rondo {

using SignalSet = uint64_t;  // as the kernel has it: bit n - 1 is signal n

constexpr int kLastSignal = 64;
constexpr SignalSet signal_bit(int number) { return SignalSet{1} << (number - 1); }

struct QueuedSignal : ListNode {
    siginfo_t info;
};

// Held for a few instructions, never where a signal handler of ours may take it.
extern Spinlock signals_lock;

// Guarded by signals_lock, except set().
class SignalQueue {
   public:
    // The numbers in the queue.
    SignalSet set() const { return set_.load(std::memory_order_relaxed); }

    // False: no memory for another one.
    bool push(const siginfo_t& info);

    // Takes the first one whose number is in `wanted`; false if there is none.
    bool take(SignalSet wanted, siginfo_t& info);

    void clear();

   private:
    std::atomic<SignalSet> set_{0};
    List<QueuedSignal> list_;
};

struct FiberSignals {
    std::atomic<SignalSet> mask{0};    // blocked; written by the thread itself
    std::atomic<SignalSet> raised{0};  // by its own calls, in a signal handler: on their way into the queue
    SignalQueue directed;
    bool must_fail = false;  // another thread ran a handler that ends this one's call; its worker's
    Message message;         // in an inbox at most once: kSignalInFlight
    stack_t alternate{nullptr, SS_DISABLE, 0};
};

}  // namespace rondo
