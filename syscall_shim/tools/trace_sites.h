// SPDX-License-Identifier: Apache-2.0
//
// The call sites in a trace, which are addresses in files ("at prog+0x1234"), as "at function at file:line".
#pragma once

#include <string>
#include <vector>

namespace rondo {

// In place; of the program's own file only. Without rondo-unwind, or where it knows nothing, a line stays as it is.
void name_call_sites(const std::string& program, std::vector<std::string>& lines);

}  // namespace rondo
