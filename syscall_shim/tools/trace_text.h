// SPDX-License-Identifier: Apache-2.0
//
// The text of RONDO_TRACE: a header, then a line for each choice that was not the default, `NUMBER KIND ALTERNATIVE  #
// who, where`. Taking lines out makes another valid schedule, which is all that shrinking needs to know.
#pragma once

#include <string>
#include <vector>

namespace rondo {

struct Trace {
    std::string header;  // with its newline, also of further lines that are no choices
    std::vector<std::string> choices;
};

// The schedule in which every choice is the default.
constexpr char kEmptyTrace[] = "rondo-trace 1 empty\n";

Trace parse_trace(const std::string& text);
std::string to_text(const Trace& trace);

}  // namespace rondo
