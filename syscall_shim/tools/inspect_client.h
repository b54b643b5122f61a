// SPDX-License-Identifier: Apache-2.0
//
// Asks the inspector of a running process (runtime/system/inspector.h). The kernel says whether it is really that
// process, and its user's, that holds the name.
#pragma once

#include <sys/types.h>

#include <string>

namespace rondo {

struct Answer {
    std::string text;
    std::string problem;  // not empty: why there is no answer, without "rondo: "
};

Answer ask_inspector(pid_t pid, const std::string& request);

}  // namespace rondo
