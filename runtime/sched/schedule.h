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
        const Replay* replay = nullptr;              // instead of the seed
        int trace = -1;                              // descriptor
        uint64_t limit = 0;                          // so many choices, and no more; 0: any number
        void (*at_limit)(uint64_t limit) = nullptr;  // does not return
        Trace::AddSite add_site = nullptr;
    };

    explicit Schedule(const Origin& origin)
        : seed_(origin.seed),
          faults_(origin.faults),
          replays_(origin.replay != nullptr),
          replay_(replays_ ? *origin.replay : Replay()),
          limit_(origin.limit != 0 ? origin.limit : UINT64_MAX),
          at_limit_(origin.at_limit),
          trace_(origin.trace, origin.add_site) {
        restart(seed_);
    }

    void restart(uint64_t seed) {
        seed_ = seed;
        number_ = 0;
        idle_calls_ = 0;
        replay_.rewind();
        trace_.begin(seed_, faults_, replays_);
    }

    uint64_t seed() const { return seed_; }
    bool faults() const { return faults_; }

    // The limit is reached: no more threads are to run.
    bool over() const { return number_ + idle_calls_ >= limit_; }
    // In the second half of what the limit allows.
    bool late() const { return number_ + idle_calls_ >= limit_ / 2; }
    // A call at which there was nothing to choose: it has no number, but a thread that makes no others must end, too.
    void count_idle_call() { ++idle_calls_; }
    void end() const { at_limit_(limit_); }

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
    uint64_t limit_;
    void (*at_limit_)(uint64_t);
    Trace trace_;
    uint64_t number_ = 0;
    uint64_t idle_calls_ = 0;
};

}  // namespace rondo
