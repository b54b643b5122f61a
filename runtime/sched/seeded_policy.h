// SPDX-License-Identifier: Apache-2.0
//
// The policy of RONDO_SCHED=seed:N and replay:FILE, and the source of all other choices: both have to see the ready
// threads. They stand in the order in which they became ready, so that 0, the first, is what FIFO would run.
//
// When the limit of choices is reached, every call yields, nobody is chosen any more, and the worker's loop, which
// finds that nobody is, reports what the threads did.
//
// Of a longer queue only the first kMostCandidates are chosen among: looking at all of 10,000 threads for each switch
// would cost more than it finds. A question that has one answer is not asked.
//
// Used on worker 0's kernel thread alone.
#pragma once

#include "runtime/core/policy.h"
#include "runtime/sched/schedule.h"
#include "runtime/sched/strategy.h"

namespace rondo {

class SeededPolicy final : public Policy, public ChoiceSource {
   public:
    explicit SeededPolicy(const Schedule& schedule)
        : schedule_(schedule), strategy_(schedule.seed(), schedule.faults()) {}

    // As at the start, with another seed; no thread may be ready.
    void restart(uint64_t seed);

    void ready(Fiber& fiber) override;
    Fiber* next() override;
    Fiber* exchange(Fiber& fiber) override;
    bool empty() const override { return first_ == nullptr; }

    unsigned choose(ChoiceKind kind, unsigned alternatives, const char* call) override;
    bool nothing_to_choose() override;

   private:
    static constexpr unsigned kMostCandidates = 64;

    unsigned candidates(Fiber** out) const;
    unsigned proposal(ChoiceKind kind, unsigned alternatives, Fiber* running);
    Fiber* take(unsigned place);
    void append(Fiber& fiber);
    void note_call(Fiber* caller) const;

    Fiber* first_ = nullptr;
    Fiber* last_ = nullptr;
    bool told_to_yield_ = false;  // by choose(); not by the program
    Schedule schedule_;
    Strategy strategy_;
};

}  // namespace rondo
