// SPDX-License-Identifier: Apache-2.0
//
// The record of a run's choices: text, one line for each choice that was not 0, and a first line that tells the version
// and where the choices came from.
//
//   rondo-trace 1 seed:42
//   17 yield 1  # thread 3 "reader", cond_wait
//   18 next 2  # thread 5
//
// Each line is one write() when the choice is made, so a crash loses nothing. What stands behind # is for readers. The
// thread of a `next` is the one that runs, of the others the one that asked.
//
// Rejected: a binary ring in shared memory. It is faster, but a person cannot read it, nor shorten it with an editor.
#pragma once

#include "runtime/core/choice.h"

namespace rondo {

class Fiber;
class Line;

struct Choice {
    uint64_t number;
    ChoiceKind kind;
    unsigned answer;
    const char* call;
};

class Trace {
   public:
    // Adds " at …" to a line: where the program made the call.
    using AddSite = void (*)(Line&);

    // Writes to the descriptor; -1: nowhere.
    Trace(int fd, AddSite add_site) : fd_(fd), add_site_(add_site) {}

    // The first line; what stands in the file is dropped. replay: the choices come from a file and not from the seed.
    void begin(uint64_t seed, bool faults, bool replay) const;

    // fiber: whom it is about, or null.
    void note(const Choice& choice, const Fiber* fiber) const;

   private:
    int fd_;
    AddSite add_site_;  // null: sites are not wanted
};

}  // namespace rondo
