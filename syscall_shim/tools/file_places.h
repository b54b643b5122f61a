// SPDX-License-Identifier: Apache-2.0
//
// `rondo-unwind --places`: names for addresses in files, whether or not a process runs them.
//
//   standard input    "c ADDRESS FILE\n" for code, "d ADDRESS FILE\n" for data; the address, hexadecimal, as the file
//   counts standard output   for each a line, at once: "function at file:line", or the variable and where in it; empty
//   if unknown
//
// For the race detector's report, which is written while the process ends, and for call sites in a schedule, whose
// process has ended.
#pragma once

namespace rondo {

// Returns the exit status at the end of the input.
int name_places();

}  // namespace rondo
