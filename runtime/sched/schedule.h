// SPDX-License-Identifier: Apache-2.0
//
// One run's choices, numbered from 0 in the order in which they are asked.
#pragma once

#include "runtime/core/choice.h"

namespace rondo {

class Schedule {
   public:
    Schedule(uint64_t seed, bool faults) : seed_(seed), faults_(faults) {}

    void restart(uint64_t seed) {
        seed_ = seed;
        number_ = 0;
    }

    uint64_t seed() const { return seed_; }
    bool faults() const { return faults_; }

    // The answer to the next question.
    unsigned settle(ChoiceKind, unsigned, unsigned wanted, const char*) {
        ++number_;
        return wanted;
    }

   private:
    uint64_t seed_;
    bool faults_;
    uint64_t number_ = 0;
};

}  // namespace rondo
