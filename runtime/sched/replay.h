// SPDX-License-Identifier: Apache-2.0
//
// A trace (trace.h) as the source of choices: those that it lists are taken, all others are 0. So a trace may be
// shortened by deleting lines. A line that does not fit any more (another kind of question has that number now, or
// fewer alternatives) counts as 0.
//
// The text is read whole and checked line by line before the program's first thread runs, then read again choice by
// choice; nothing but the text itself is kept.
#pragma once

#include <string_view>

#include "runtime/base/text.h"
#include "runtime/core/choice.h"

namespace rondo {

class Replay {
   public:
    // No text: every answer is 0. The text must live on.
    Replay() = default;

    // False: the text is no trace; error tells the line, from behind "rondo: FILE: ".
    bool take(std::string_view text, Text& error);

    // From the first choice again.
    void rewind();

    // Numbers must grow from call to call.
    unsigned answer(uint64_t number, ChoiceKind kind, unsigned alternatives);

   private:
    struct Entry {
        uint64_t number = UINT64_MAX;
        uint64_t kind = kChoiceKinds;
        uint64_t answer = 0;
    };

    bool read_entry(std::string_view line, Entry& out) const;
    std::string_view next_line();
    void advance();

    std::string_view text_;  // without the first line
    std::string_view rest_;
    Entry entry_;  // the next one that was not passed; number UINT64_MAX: none
};

}  // namespace rondo
