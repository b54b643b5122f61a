// SPDX-License-Identifier: Apache-2.0
//
// One run's choices, numbered from 0 in the order in which they are asked: where their answers come from (a seed's
// strategy, or the trace of an earlier run) and where they are written down.
#pragma once

#include "runtime/sched/replay.h"
#include "runtime/sched/trace.h"

namespace rondo {

class Schedule {
   public:
    struct Origin {
        uint64_t seed = 0;
        bool faults = false;
        const Replay* replay = nullptr;  // instead of the seed
        int trace = -1;                  // descriptor
    };

    explicit Schedule(const Origin& origin)
        : seed_(origin.seed),
          faults_(origin.faults),
          replays_(origin.replay != nullptr),
          replay_(replays_ ? *origin.replay : Replay()),
          trace_(origin.trace) {
        restart(seed_);
    }

    void restart(uint64_t seed) {
        seed_ = seed;
        number_ = 0;
        replay_.rewind();
        trace_.begin(seed_, faults_, replays_);
    }

    uint64_t seed() const { return seed_; }
    bool faults() const { return faults_; }

    // The next choice; `wanted` is the strategy's.
    Choice settle(ChoiceKind kind, unsigned alternatives, unsigned wanted, const char* call) {
        uint64_t number = number_++;
        return {number, kind, replays_ ? replay_.answer(number, kind, alternatives) : wanted, call};
    }

    void note(const Choice& choice, const Fiber* fiber) const {
        if (choice.answer != 0) {
            trace_.note(choice, fiber);
        }
    }

   private:
    uint64_t seed_;
    bool faults_;
    bool replays_;
    Replay replay_;
    Trace trace_;
    uint64_t number_ = 0;
};

}  // namespace rondo
