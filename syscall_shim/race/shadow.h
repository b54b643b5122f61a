// SPDX-License-Identifier: Apache-2.0
// The last accesses to each eight bytes of memory, and the comparison of a new access with them.
//
// Two accesses race if they are of different threads, touch a byte in common, one writes, not both are atomic, and the
// clock of the later thread does not know of the earlier access: no chain of locks, joins, semaphores or atomics leads
// from one to the other. That does not depend on who ran first by chance, so a race shows in runs in which nothing goes
// wrong. Four accesses are kept for eight bytes, as ThreadSanitizer does (Serebryany and Iskhodzhanov, WBIA 2009): a
// race with an older one can be missed, none is invented.
//
// Rejected: locksets (Eraser, SOSP 1997), which take every hand-over by semaphore, queue or join for a race.
#ifndef RONDO_RACE_SHADOW_H
#define RONDO_RACE_SHADOW_H

#include "thread.h"

namespace rondo::race {

enum Kind : uint8_t { kRead = 0, kWrite = 1, kAtomicRead = 2, kAtomicWrite = 3 };

struct Access {
    Pc pc;      // of the instruction after the access; 0: an empty place
    Pc caller;  // where its function was called, 0 if unknown
    uint32_t thread;
    uint32_t time;  // of the thread's own clock
    uint8_t bytes;  // of the eight, a bit each
    Kind kind;
};

struct Race {
    const Access* before;
    Access now;
    uint64_t address;
    uint32_t size;
};

// Compares and records. Ends the process with a report if there is a race.
void check_access(Thread& thread, uint64_t address, size_t size, Kind kind, Pc pc);

// The memory belongs to somebody new: what was done to it before is no conflict.
void forget_memory(uint64_t address, size_t size);

}  // namespace rondo::race

#endif
