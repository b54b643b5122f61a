// SPDX-License-Identifier: Apache-2.0
//
// The stress: many small rounds of random use, each of which accounts for every wake, token, item and byte, run side by
// side over all workers and one foreign kernel thread.
//
// A scenario is one function that plays one round and returns when all its threads have ended. Objects under test live
// in pages of their own (Vanishing), which the thread that is woken last destroys and unmaps at once: whoever touches
// the object later faults. What must not be lost is counted outside of it and compared by expect_equal.
// A round never waits for ever by design, so a driver that makes no progress is a lost wake: the monitor dumps and
// aborts.
//
// Alternative rejected: one long-lived set of objects, because the window of most faults is the end of an object's
// life.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <rondo/rondo.h>
#include <stdint.h>
#include <time.h>

#include <functional>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace rondo::stress {

class Random {
   public:
    explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x1234567) { next(); }
    uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ * 0x2545f4914f6cdd1d;
    }
    int below(int limit) { return static_cast<int>((next() >> 33) % static_cast<uint64_t>(limit)); }
    bool one_in(int count) { return below(count) == 0; }
    Random split() { return Random(next()); }

   private:
    uint64_t state_;
};

// Prints what went wrong and where, dumps all threads and aborts.
[[noreturn]] void fail(const char* what);
void expect(bool holds, const char* what);
void expect_equal(long got, long wanted, const char* what);

int open_descriptors();
// No thread but the caller, no timer and no operation: now or soon.
void expect_nothing_left();

// The system's time (clock.cpp), or that of a schedule (tests/explore).
int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC);
timespec at(int64_t nanoseconds);
// An absolute time up to `span_us` microseconds ahead.
timespec soon(Random& random, clockid_t clock, int span_us);
// Nothing, some yields, some work, or a short sleep: moves the threads of a round against each other.
void jitter(Random& random);

void* take_page();
void unmap_page(void* page);

// A handle to an object in a page of its own. Copies name the same object; nobody owns it until somebody calls
// vanish().
template <class Object>
class Vanishing {
   public:
    Vanishing() : object_(new (take_page()) Object{}) { static_assert(sizeof(Object) <= 4096); }
    Object* operator->() const { return object_; }
    Object& operator*() const { return *object_; }
    void vanish() const { unmap_page(object_); }

   private:
    Object* object_;
};

// The threads of one round. The destructor joins those that have not been joined.
class Crew {
   public:
    using Body = std::function<void()>;
    Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew();
    // Returns the member's number.
    size_t add(Body body);
    // On the foreign kernel thread. It plays one part at a time, so a part may wait only for its own crew, and a crew
    // has at most one.
    void add_foreign(Body body);
    // Either of the two; rarely the foreign one, which all crews share.
    void add_somewhere(Random& random, Body body);
    void cancel(size_t member);
    // True if the member ended by cancellation.
    bool join(size_t member);
    void join();

   private:
    struct Member;
    struct ForeignPart;
    std::vector<std::unique_ptr<Member>> members_;
    std::unique_ptr<ForeignPart> foreign_;
};

void init_mutex(rondo_mutex_t* mutex, int kind);

struct MutexGuard {
    explicit MutexGuard(rondo_mutex_t* held) : mutex(held) { expect_equal(rondo_mutex_lock(mutex), 0, "mutex_lock"); }
    MutexGuard(const MutexGuard&) = delete;
    MutexGuard& operator=(const MutexGuard&) = delete;
    ~MutexGuard() { expect_equal(rondo_mutex_unlock(mutex), 0, "mutex_unlock"); }
    rondo_mutex_t* mutex;
};

struct Scenario {
    const char* name;
    void (*round)(Random&);
};
std::span<const Scenario> lock_scenarios();
std::span<const Scenario> signal_scenarios();
std::span<const Scenario> thread_scenarios();
std::span<const Scenario> io_scenarios();

}  // namespace rondo::stress
