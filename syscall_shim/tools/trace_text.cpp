// SPDX-License-Identifier: Apache-2.0
//
// See trace_text.h. A line that does not end was cut off where the process died, and is left out.

#include "syscall_shim/tools/trace_text.h"

#include <cctype>

namespace rondo {

Trace parse_trace(const std::string& text) {
    Trace trace;
    size_t at = 0;
    for (size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        std::string line = text.substr(at, end - at);
        if (!line.empty() && isdigit(static_cast<unsigned char>(line[0])) != 0) {
            trace.choices.push_back(line);
        } else if (!line.empty()) {
            trace.header += line + "\n";
        }
    }
    return trace;
}

std::string to_text(const Trace& trace) {
    std::string text = trace.header;
    for (const std::string& line : trace.choices) {
        text += line + "\n";
    }
    return text;
}

}  // namespace rondo
