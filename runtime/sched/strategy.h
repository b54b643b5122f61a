// SPDX-License-Identifier: Apache-2.0
//
// What a seed makes of the open questions. The seed alone decides the way of choosing, too (seed modulo 3):
//   0  random      any ready thread is as likely as any other; calls are interrupted with a probability between 1/2
//                  and 1/64
//   1  priorities  each thread has a random priority, the highest ready one runs, and at a few random moments the
//                  running one falls below all others: PCT (Burckhardt et al., ASPLOS 2010), which finds a bug that
//                  needs d orderings with a probability of at least 1 / (n k^(d-1)), and one that needs one ordering of
//                  two threads almost at once
//   2  starvation  as random, but at any time one thread does not run as long as others can: what must be finished
//                  soon is not
// The other kinds of question (spurious wake-ups, short reads …) are answered alike in all three; each seed leaves some
// of them out, so that a bug is also looked for without their noise.
//
// It knows threads by the order in which they first became ready, never by address. Rejected: one way with all
// parameters random. It finds less: each way is good at what the others are bad at.
#pragma once

#include "runtime/base/random.h"
#include "runtime/core/choice.h"
#include "runtime/core/fiber.h"

namespace rondo {

class Strategy {
   public:
    explicit Strategy(uint64_t seed, bool faults);

    // Which of count >= 2 ready threads runs; the first has waited longest.
    unsigned pick(Fiber* const* ready, unsigned count);

    // Whether the running thread (null: none) is to be interrupted, with these others ready.
    bool interrupts(Fiber* running, Fiber* const* ready, unsigned count);

    // Every other question.
    unsigned answer(ChoiceKind kind, unsigned alternatives);

    // A thread became ready, perhaps for the first time.
    void meet(Fiber& fiber);

    // The running thread gave way by itself: it waits for others without saying for whom.
    void gave_way(Fiber& fiber);

   private:
    enum class Way : uint8_t { random, priorities, starvation };
    static constexpr unsigned kMostChanges = 6;

    void step(Fiber* running);
    uint32_t lowest() { return --lowest_; }
    void new_victim();
    bool is_victim(const Fiber& fiber) const { return way_ == Way::starvation && fiber.order == victim_; }

    Random random_;
    Way way_;
    uint8_t interrupt_halvings_;
    uint8_t halvings_[kChoiceKinds] = {};  // of each kind's probability; 0: never
    uint32_t met_ = 0;                     // threads
    uint32_t lowest_ = 1U << 31;           // priorities that fell; the first ones are above
    uint64_t steps_ = 0;
    uint64_t changes_[kMostChanges];  // the steps at which the running thread falls
    uint32_t victim_ = 0;
    uint32_t window_ = 0;       // length of a starvation
    uint64_t window_ends_ = 0;  // step
};

}  // namespace rondo
