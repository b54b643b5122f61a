// SPDX-License-Identifier: Apache-2.0
//
// What is said when a program under RONDO_SCHED=seed or replay has made as many choices as RONDO_CHOICES allows and has
// not ended: what its threads did in the second half of them. Threads that could run and made no call starve; if those
// that run go in a circle, it is a livelock, and their lines of code show it.
//
//   rondo: no end after 100000 choices; the threads' calls since choice 50000:
//     could run and did not:
//     thread 4 "starved" (0 calls) can run
//       …
//     ran:
//     thread 2 "polite" (24998 calls) can run
//       #0  gives_way at livelock.c:20
//     …
//     the others:
//     thread 1 "main" (0 calls) waits for the end of thread 2 "polite"
//       …
//
// On the loop's stack of the only worker.
#pragma once

#include <cstdint>

namespace rondo {

// Writes it to standard error and ends the process by SIGABRT.
[[noreturn]] void end_without_end(uint64_t choices);

}  // namespace rondo
