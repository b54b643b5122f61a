// SPDX-License-Identifier: Apache-2.0
//
// See seeded_policy.h.

#include "runtime/sched/seeded_policy.h"

#include "runtime/base/check.h"
#include "runtime/core/worker.h"

namespace rondo {

void SeededPolicy::restart(uint64_t seed) {
    RONDO_CHECK(empty());
    schedule_.restart(seed);
    strategy_ = Strategy(seed, schedule_.faults());
    told_to_yield_ = false;
    if (Fiber* caller = current_fiber()) {
        caller->order = 0;
        strategy_.meet(*caller);
    }
}

void SeededPolicy::append(Fiber& fiber) {
    fiber.next_ready = nullptr;
    (first_ != nullptr ? last_->next_ready : first_) = &fiber;
    last_ = &fiber;
}

// The running thread becomes ready when it yields. Unless it was told to, it waits for what others do.
void SeededPolicy::ready(Fiber& fiber) {
    strategy_.meet(fiber);
    if (&fiber == current_fiber()) {
        if (!told_to_yield_) {
            strategy_.gave_way(fiber);
        }
        told_to_yield_ = false;
    }
    append(fiber);
}

Fiber* SeededPolicy::exchange(Fiber& fiber) {
    Fiber* next = SeededPolicy::next();
    ready(fiber);
    return next != nullptr ? next : SeededPolicy::next();
}

unsigned SeededPolicy::candidates(Fiber** out) const {
    unsigned count = 0;
    for (Fiber* fiber = first_; fiber != nullptr && count < kMostCandidates; fiber = fiber->next_ready) {
        out[count++] = fiber;
    }
    return count;
}

Fiber* SeededPolicy::take(unsigned place) {
    Fiber* before = nullptr;
    Fiber* taken = first_;
    for (; place > 0; --place) {
        before = taken;
        taken = taken->next_ready;
    }
    (before != nullptr ? before->next_ready : first_) = taken->next_ready;
    last_ = last_ == taken ? before : last_;
    return taken;
}

// At the limit the threads lead the worker to its loop, where all of them stand still.
Fiber* SeededPolicy::next() {
    if (schedule_.over()) {
        if (current_fiber() == nullptr) {
            schedule_.end();
        }
        return nullptr;
    }
    Fiber* ready[kMostCandidates];
    unsigned count = candidates(ready);
    if (count == 0) {
        return nullptr;
    }
    if (count == 1) {
        return take(0);
    }
    Choice choice = schedule_.settle(ChoiceKind::next, count, strategy_.pick(ready, count), "");
    Fiber* chosen = take(choice.answer);
    schedule_.note(choice, chosen);
    return chosen;
}

unsigned SeededPolicy::proposal(ChoiceKind kind, unsigned alternatives, Fiber* running) {
    if (kind != ChoiceKind::yield) {
        return strategy_.answer(kind, alternatives);
    }
    Fiber* ready[kMostCandidates];
    unsigned count = candidates(ready);
    if (running != nullptr) {
        strategy_.meet(*running);
    }
    return strategy_.interrupts(running, ready, count) ? 1 : 0;
}

void SeededPolicy::note_call(Fiber* caller) const {
    if (schedule_.late() && caller != nullptr) {
        ++caller->rest->calls;
    }
}

bool SeededPolicy::nothing_to_choose() {
    schedule_.count_idle_call();
    note_call(current_fiber());
    return schedule_.over();
}

unsigned SeededPolicy::choose(ChoiceKind kind, unsigned alternatives, const char* call) {
    Fiber* running = current_fiber();
    if (schedule_.over()) {
        return kind == ChoiceKind::yield ? 1 : 0;
    }
    note_call(running);
    Choice choice = schedule_.settle(kind, alternatives, proposal(kind, alternatives, running), call);
    schedule_.note(choice, running);
    told_to_yield_ = kind == ChoiceKind::yield && choice.answer != 0;
    return choice.answer;
}

}  // namespace rondo
