// SPDX-License-Identifier: Apache-2.0
//
// See strategy.h. A step is one question about threads, so that the moments of change do not depend on how many other
// questions a program raises.

#include "runtime/sched/strategy.h"

namespace rondo {

namespace {

constexpr unsigned kWays = 3;
constexpr uint32_t kFirstPriorities = 1U << 31;

}  // namespace

Strategy::Strategy(uint64_t seed, bool faults) : random_(seed), way_(static_cast<Way>(seed % kWays)) {
    interrupt_halvings_ = static_cast<uint8_t>(1 + random_.below(6));
    for (ChoiceKind kind :
         {ChoiceKind::clock, ChoiceKind::wake, ChoiceKind::piece, ChoiceKind::eintr, ChoiceKind::far}) {
        bool left_out = random_.one_in_two_to(1);
        auto halvings = static_cast<uint8_t>(2 + random_.below(5));
        halvings_[static_cast<unsigned>(kind)] = left_out ? 0 : halvings;
    }
    halvings_[static_cast<unsigned>(ChoiceKind::fail)] = static_cast<uint8_t>(faults ? 2 + random_.below(4) : 0);
    // How many steps a program takes is not known beforehand: the changes lie within 16 to 4,096.
    uint32_t span = 16U << random_.below(9);
    for (uint64_t& change : changes_) {
        change = random_.below(2) == 0 ? random_.below(span) : UINT64_MAX;
    }
    window_ = 4U << random_.below(8);
}

void Strategy::meet(Fiber& fiber) {
    if (fiber.order != 0) {
        return;
    }
    fiber.order = ++met_;
    fiber.priority = kFirstPriorities + random_.below(kFirstPriorities);
}

void Strategy::gave_way(Fiber& fiber) {
    if (way_ == Way::priorities) {
        fiber.priority = lowest();
    }
}

void Strategy::new_victim() {
    victim_ = met_ == 0 ? 0 : 1 + random_.below(met_);
    window_ends_ = steps_ + 1 + random_.below(window_);
}

void Strategy::step(Fiber* running) {
    ++steps_;
    if (way_ == Way::starvation && steps_ >= window_ends_) {
        new_victim();
    }
    if (way_ != Way::priorities || running == nullptr) {
        return;
    }
    for (uint64_t change : changes_) {
        if (change == steps_) {
            running->priority = lowest();
        }
    }
}

unsigned Strategy::pick(Fiber* const* ready, unsigned count) {
    step(nullptr);
    if (way_ == Way::priorities) {
        unsigned best = 0;
        for (unsigned i = 1; i < count; ++i) {
            best = ready[i]->priority > ready[best]->priority ? i : best;
        }
        return best;
    }
    unsigned picked = random_.below(count);
    return is_victim(*ready[picked]) ? (picked + 1) % count : picked;
}

bool Strategy::interrupts(Fiber* running, Fiber* const* ready, unsigned count) {
    step(running);
    if (way_ != Way::priorities || running == nullptr) {
        bool now = random_.one_in_two_to(interrupt_halvings_);
        return now || (running != nullptr && count > 0 && is_victim(*running));
    }
    for (unsigned i = 0; i < count; ++i) {
        if (ready[i]->priority > running->priority) {
            return true;
        }
    }
    return false;
}

unsigned Strategy::answer(ChoiceKind kind, unsigned alternatives) {
    unsigned halvings = halvings_[static_cast<unsigned>(kind)];
    if (halvings == 0 || !random_.one_in_two_to(halvings)) {
        return 0;
    }
    return 1 + random_.below(alternatives - 1);
}

}  // namespace rondo
