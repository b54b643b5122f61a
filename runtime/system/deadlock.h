// SPDX-License-Identifier: Apache-2.0
//
// Finds out that no thread of the program can ever run again. Asked by a worker that has slept for a moment with
// nothing under way (QuietHook), it looks for anything that could still wake somebody:
//
//   a worker that runs, a message, a timer, an I/O operation     the workers' own state
//   a job on a kernel thread of the pool, a child's end,         the reason for which some thread waits
//   a signal that a thread waits for, a close
//   a kernel thread that is none of the runtime's                the number of the process's tasks
//   a signal that the program handles, where a thread waits at   a handler may post it, and a signal ends the wait
//   a semaphore or a futex
//
// Only if there is nothing of all that, and a second look finds that no worker has switched since the first, all
// threads wait for each other for ever, and report_deadlock() says so. What is not certain is no deadlock: an open
// connection, a terminal or a pipe that a thread reads from may still bring something.
//
// The last worker to fall asleep is always one that asks, so nobody has to watch. A program whose threads wait only for
// signals is looked at once each time it comes to rest; the walk over the threads ends at the first that waits for
// something else.
//
// Rejected: looking at each lock operation (a cost where there is no deadlock, and no help against lost wake-ups); a
// kernel thread that looks at times (it would be there, and wake up, in every process).
#pragma once

#include "runtime/base/settings.h"

namespace rondo {

// Before the workers run. `at_once`: a worker with nothing to do asks without waiting for a moment.
void watch_for_deadlock(OnDeadlock what, bool at_once);

// In a forked child: nothing has been reported.
void forget_deadlock();

}  // namespace rondo
