// SPDX-License-Identifier: Apache-2.0
//
// The stall watchdog. A thread that computes for long, or blocks in a call that Rondo cannot intercept, keeps every
// other thread of its worker waiting, and nothing in the worker can tell. One kernel thread of the watchdog's own looks
// at each worker a few times within RONDO_STALL_MS; a worker that is awake and has neither switched nor looked at I/O
// for that long is reported on stderr, with the thread, what it does, and its backtrace; once a place in the program.
//
// The workers do nothing for it: it reads counters that they keep anyway. Off, it does not exist.
#pragma once

namespace rondo {

// After the workers have started. Without a kernel thread for it, says so and does without.
void start_watchdog(unsigned stall_ms);

}  // namespace rondo
