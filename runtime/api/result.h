// SPDX-License-Identifier: Apache-2.0
//
// What the calls on descriptors share at the edge: who asks, and the one conversion from -errno to -1 and errno.
#pragma once

#include <cerrno>

#include "runtime/base/sys.h"
#include "runtime/core/worker.h"

namespace rondo {

inline bool on_fiber() { return current_fiber() != nullptr; }

inline long to_errno(long result) {
    if (result >= 0) {
        return result;
    }
    errno = static_cast<int>(-result);
    return -1;
}

inline int as_int(long result) { return static_cast<int>(to_errno(result)); }

// The system call of a kernel thread that may wait.
template <typename... Args>
long plain(long number, Args... args) {
    return sys::call(number, static_cast<long>(args)...);
}

}  // namespace rondo
