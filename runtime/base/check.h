// SPDX-License-Identifier: Apache-2.0
//
// A broken invariant ends the process: its place is printed, every thread is dumped (the system floor installs how),
// and the process aborts. The same end, under its own name, is for the few faults of a program that it cannot be told
// of by a result (a stack overflow). All other errors of the user's making are returned.
#pragma once

namespace rondo {

class Line;

[[noreturn]] void panic(const char* what, const char* file, int line);

// The line says what the program did and how to mend it.
[[noreturn]] void end_at_fault(Line& message);

// Ends the process by SIGABRT, whatever the program does about that signal.
[[noreturn]] void die();

// Called once by either before the abort, with the descriptor to write to.
void set_panic_hook(void (*dump)(int fd));

}  // namespace rondo

#define RONDO_CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : ::rondo::panic(#condition, __FILE__, __LINE__))
