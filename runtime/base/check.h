// SPDX-License-Identifier: Apache-2.0
//
// A broken invariant ends the process: its place is printed, every thread is dumped (the system floor installs how),
// and the process aborts. Errors of the user's making never come here; they are returned.
#pragma once

namespace rondo {

[[noreturn]] void panic(const char* what, const char* file, int line);

// Called once by a panic before the abort, with the descriptor to write to.
void set_panic_hook(void (*dump)(int fd));

}  // namespace rondo

#define RONDO_CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : ::rondo::panic(#condition, __FILE__, __LINE__))
