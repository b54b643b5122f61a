// SPDX-License-Identifier: Apache-2.0
// What the detector knows of each thread: its clock, and where it is (the functions that it has entered and not left).
//
// Threads are numbered in the order of their creation, main is 1, as the runtime numbers them. Their records stay when
// they end, for an access of a dead thread can still race.
#ifndef RONDO_RACE_THREAD_H
#define RONDO_RACE_THREAD_H

#include <pthread.h>

#include "clock.h"

namespace rondo::race {

using Pc = uint64_t;

struct Thread {
    static constexpr uint32_t kMostFrames = 512;

    uint32_t index;  // 0 is main
    uint32_t depth;  // may be more than kMostFrames; the rest is not known
    Clock clock;
    Thread* creator;  // null: main
    Pc created_at;
    Pc created_by;   // where the function that created it was called
    uint64_t stack;  // of all but main: its lowest address
    uint64_t stack_bytes;
    void (*once)();  // the routine of the pthread_once that it is in
    pthread_once_t* once_control;
    Pc frames[kMostFrames];  // where each entered function returns to

    uint32_t number() const { return index + 1; }
    uint32_t now() const { return clock.at(index); }
    Pc frame(uint32_t level) const { return level < kMostFrames ? frames[level] : 0; }
    Pc caller() const { return depth > 0 ? frame(depth - 1) : 0; }
};

// Whether this run looks at accesses at all: RONDO_SCHED=seed or replay.
extern bool exploring;
// Whether it reports races: also not RONDO_RACE=off.
extern bool detecting;

// The calling thread, null on a kernel thread that is no worker.
Thread* current();

// For a thread about to be created; it has heard all that the caller has.
Thread* new_thread(Thread& creator, Pc created_at);
// The calling thread is this one from now on.
void bind(Thread& thread);
// Another thread that has not run yet.
void bind_handle(Thread& thread, pthread_t handle);
Thread* find_thread(pthread_t handle);
uint32_t thread_count();
Thread& thread_at(uint32_t index);

// One edge of happens-before through an object: what was done before release() happened before what follows acquire().
void acquire(const volatile void* object);
void release(const volatile void* object);
void forget(const volatile void* object);

}  // namespace rondo::race

#endif
