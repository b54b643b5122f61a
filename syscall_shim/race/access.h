// SPDX-License-Identifier: Apache-2.0
// What happens at an access to memory: others may run before it, then it is compared with those before.
#ifndef RONDO_RACE_ACCESS_H
#define RONDO_RACE_ACCESS_H

#include <rondo/rondo.h>

#include "shadow.h"

namespace rondo::race {

// Where the caller's function is, for calls from the compiler's instrumentation and from wrapped functions.
#define RONDO_CALLER reinterpret_cast<rondo::race::Pc>(__builtin_return_address(0))

// The access by a function of libc, between whose bytes nobody runs.
inline void check_range(const volatile void* address, size_t size, Kind kind, Pc pc) {
    Thread* thread = detecting ? current() : nullptr;
    if (thread != nullptr) check_access(*thread, reinterpret_cast<uint64_t>(address), size, kind, pc);
}

// An access that the compiler has marked.
inline void access(const volatile void* address, size_t size, Kind kind, Pc pc) {
    if (!exploring) return;
    if (thread_count() > 1) rondo_choice_point((kind & kWrite) != 0 ? "write" : "read");
    check_range(address, size, kind, pc);
}

}  // namespace rondo::race

#endif
