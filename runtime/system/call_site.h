// SPDX-License-Identifier: Apache-2.0
//
// Where the program made the call of Rondo's that runs now, for the trace: the innermost frame of the calling thread
// that is neither ours nor libc's, as FILE+0xADDRESS (the file's own addresses, which addr2line takes). Found by
// libgcc's unwinder in some microseconds, so only for what is written down.
#pragma once

#include "runtime/base/print.h"

namespace rondo {

// Adds " at FILE+0xADDRESS", or nothing if it is not known. On a fiber.
void add_call_site(Line& line);

}  // namespace rondo
