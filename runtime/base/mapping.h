// SPDX-License-Identifier: Apache-2.0
//
// What the kernel knows of the mapping that holds an address. On Linux 6.11 and later one ioctl answers; before, the
// lines of /proc/self/maps are read up to the address. Any thread; takes a descriptor for the length of the call.
#pragma once

namespace rondo {

// Whether other processes may see what is written there. True also where nothing can be learnt (no /proc, no
// descriptor left): what is right for shared memory is right, if slower, for any.
bool may_be_shared(const void* address);

// The same, always from the lines.
bool may_be_shared_by_lines(const void* address);

}  // namespace rondo
