// SPDX-License-Identifier: Apache-2.0
//
// Where the programs lie that the runtime starts to look at itself: beside its library, in a build tree, or in the bin
// of an installation. Takes no memory; also in a signal handler.
#pragma once

#include <cstddef>

namespace rondo {

constexpr size_t kToolPathBytes = 4200;

// The tool's path; false, and an empty path: there is none.
bool find_tool(const char* name, char (&path)[kToolPathBytes]);

}  // namespace rondo
