// SPDX-License-Identifier: Apache-2.0
//
// Zeroed address space that costs memory only where it is touched. The runtime's tables (timers, descriptors, free
// stacks) are reserved once for the most that they can ever hold, so they never grow, move or call malloc.
#pragma once

#include <sys/mman.h>

#include "runtime/base/sys.h"

namespace rondo {

// Null when the system refuses (RLIMIT_AS, overcommit).
inline void* reserve_bytes(size_t bytes) {
    void* memory = sys::mmap(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    return sys::is_error(memory) ? nullptr : memory;
}

template <typename T>
T* reserve_array(size_t count) {
    return static_cast<T*>(reserve_bytes(count * sizeof(T)));
}

}  // namespace rondo
