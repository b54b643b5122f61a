// SPDX-License-Identifier: Apache-2.0
//
// A generator whose sequence is a function of its seed on every machine and in every version: SplitMix64 (Steele, Lea,
// Flood, 2014). It passes the usual tests, has one word of state, and neighbouring seeds give unrelated sequences.
#pragma once

#include <cstdint>

namespace rondo {

class Random {
   public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9ULL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
        return mixed ^ (mixed >> 31);
    }

    // [0, limit), limit > 0; the bias of the multiplication is below limit / 2^32.
    uint32_t below(uint32_t limit) { return static_cast<uint32_t>(((next() >> 32) * limit) >> 32); }

    // True with a probability of 1 / 2^halvings.
    bool one_in_two_to(unsigned halvings) { return (next() >> (64 - halvings)) == 0; }

   private:
    uint64_t state_;
};

}  // namespace rondo
