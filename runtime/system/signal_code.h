// SPDX-License-Identifier: Apache-2.0
//
// Which code must not be left for a handler in the middle: the runtime, the shim, and what the runtime calls while it
// holds a lock (clock_gettime and the kernel's page of it; copying of memory is its own). Everything else that runs on
// a fiber is the program's, as far as a signal is concerned.
#pragma once

namespace rondo {

// Finds our own code; at the start, since it asks the dynamic linker.
void find_runtime_code();

// Adds the library that holds the address; a few of them, never removed. It asks the dynamic linker.
void add_library_of(const void* address);

// In a signal handler: whether the interrupted instruction belongs to such code.
bool in_runtime_code(const void* instruction);

}  // namespace rondo
