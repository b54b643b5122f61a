// SPDX-License-Identifier: Apache-2.0
//
// What the calls on descriptors share at the edge: who asks, and the one conversion from -errno to -1 and errno.
#pragma once

#include <cerrno>

#include "runtime/base/sys.h"
#include "runtime/core/interrupt.h"

namespace rondo {

inline bool on_fiber() { return current_fiber() != nullptr; }

// The handlers of signals that came during the call run now that the runtime is left, and before errno is set.
inline long to_errno(long result) {
    const Fiber* fiber = current_fiber();
    if (fiber != nullptr && fiber->signal_due.load(std::memory_order_relaxed)) {
        interrupted(Restart::always);
    }
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
