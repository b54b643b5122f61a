// SPDX-License-Identifier: Apache-2.0
//
// What is said when no thread can run again: the threads that wait for each other in a circle, then the others; of each
// what it waits for, who owns that, and where in the program it waits. Names of objects, functions and lines come from
// rondo-unwind, started for the purpose; without it there are addresses.
//
//   rondo: deadlock: all 3 threads wait, and nothing can wake them
//     in a circle:
//     thread 2 "left" waits for mutex b at 0x404080, which thread 3 owns
//       #0  left at abba.c:12
//     …
//     the others:
//     thread 1 "main" waits for the end of thread 2 "left"
//       …
//
// Only while no thread runs; on a kernel thread's or a loop's stack. All memory is mapped for the time of the report.
#pragma once

namespace rondo {

// Writes it to standard error in one piece. `may_be_woken`: the program handles signals, which may still come. Returns
// whether threads wait in a circle: no signal changes that.
bool report_deadlock(bool may_be_woken);

}  // namespace rondo
