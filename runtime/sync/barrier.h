// SPDX-License-Identifier: Apache-2.0
//
// Barrier. The last to arrive resets it and claims all others under the bucket lock, then wakes them: nobody touches
// the barrier after that, so any of them may destroy it at once, and the next round may begin at once.
#pragma once

#include <cstdint>

namespace rondo {

class Barrier {
   public:
    void init(uint32_t count);
    int destroy() const;  // 0 or EBUSY

    // True for exactly one thread of each round.
    bool wait();

    // Of the present round: how many have come, and how many it takes. For reports; any thread, also on a copy.
    uint32_t arrived() const { return arrived_; }
    uint32_t wanted() const { return count_; }

   private:
    struct Arrival {
        Barrier* barrier;
        bool withdrawn;
    };

    static void leave(void* arrival);

    uint32_t count_;
    uint32_t arrived_;  // guarded by the bucket lock
};

}  // namespace rondo
