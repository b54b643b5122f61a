// SPDX-License-Identifier: Apache-2.0
//
// The control block of a thread, in two parts. What each switch and each wake-up touches (Fiber) stands in a dense
// array beside the stack's slab; with thousands of threads, a page of its own for each would miss the TLB twice a
// request. The rest (FiberRest) lies at the top of the thread's own stack, in a page that is there anyway. The address
// of the Fiber is the thread's handle (rondo_t); the adopted main thread's blocks are static instead, and its handle is
// the one that libc gave it.
//
// A fiber belongs to one worker from its placement to its end. Fields without a remark are used only on that worker.
//
// State: created -> ready -> running -> parked -> ready … -> finished. Asserted at each transition.
#pragma once

#include <unwind.h>

#include <atomic>
#include <cstdint>

#include "runtime/core/context.h"
#include "runtime/core/fiber_local.h"
#include "runtime/core/inbox.h"
#include "runtime/core/signal_state.h"
#include "runtime/core/stack_pool.h"
#include "runtime/core/waiter.h"

struct rondo_cleanup;

namespace rondo {

class Line;
class Worker;

enum class FiberState : uint8_t { none, created, ready, running, parked, finished };

// How the end of a thread meets its joiner; one atomic word. Only joinable threads can be joined or detached.
enum class JoinState : uint32_t { joinable, awaited, detached, ended };

// What a thread needs when it starts, ends, is cancelled or asked about.
struct FiberRest {
    void* (*start)(void*) = nullptr;
    void* arg = nullptr;
    void* result = nullptr;  // published by join_state
    rondo_cleanup* cleanups = nullptr;
    void* entry_frame = nullptr;    // no user frame lies above it; null when adopted
    _Unwind_Exception unwinding{};  // the exception object of its own forced unwinding
    Message cancel_message;         // in an inbox at most once: kCancelInFlight
    LocalSlots locals;
    FiberSignals signals;
    Spinlock name_lock;
    char name[16] = {};  // guarded by name_lock; the dump reads it without
    uint64_t calls = 0;  // at which a choice came up, in the second half of RONDO_CHOICES
    uint32_t mark = 0;   // the deadlock report's, in which only it runs
};

class alignas(64) Fiber {
   public:
    using Start = void* (*)(void*);

    // Written on its worker; read by anyone, for the dump and the checks of handles.
    FiberState state() const { return static_cast<FiberState>(__atomic_load_n(&state_, __ATOMIC_ACQUIRE)); }
    void set_state(FiberState state) { __atomic_store_n(&state_, static_cast<uint8_t>(state), __ATOMIC_RELEASE); }

    // The first line of the cache is all that a switch and a wake-up by the own worker touch.
    Context context;
    Worker* worker = nullptr;              // constant after placement
    Fiber* next_ready = nullptr;           // the policy's link
    Waiter* waiting = nullptr;             // what it is parked on; read by the dump without a lock
    uint64_t handle = 0;                   // rondo_t; also names the thread as the owner of a lock; constant
    std::atomic<uint32_t> cancel_bits{0};  // see cancel.h; any thread
    uint8_t state_;                        // see state(); none before the constructor, which others may be reading
    bool adopted = false;                  // runs on a kernel thread's own stack; constant
    std::atomic<bool> signal_due{false};   // see interrupt.h

    std::atomic<JoinState> join_state{JoinState::joinable};
    FiberRest* rest = nullptr;  // constant
    uint64_t id = 0;            // 1 is the main thread; constant
    Stack stack;                // empty when adopted; constant
    Message wake_message;       // in an inbox at most once: only the winner of a claim posts it
    uint32_t order = 0;         // a seeded policy's: in which it first became ready; 0: not yet
    uint32_t priority = 0;      // a seeded policy's

    // A new fiber at the top of a stack of its own, joinable, not yet placed. Null: no stack. stack_bytes 0: default.
    static Fiber* create(Start start, void* arg, size_t stack_bytes);

    // The control block beside a slot that was handed out; of a thread that ended it has state finished or none.
    static Fiber* beside(Stack stack) { return static_cast<Fiber*>(stack.side()); }

    // The live (not yet reclaimed) thread that the handle names, or null.
    static Fiber* from_handle(uint64_t handle);

    // Ends the calling fiber: destructors of its keys, its joiner's wake-up, and the next thread's turn. When it was
    // the last one, as a forked child's kept caller always is, exit(0). Cleanup handlers and C++ frames must have been
    // unwound before.
    [[noreturn]] static void finish(void* result);

    // 0; EINVAL: detached or already awaited; EDEADLK: the caller itself; EBUSY (only try_only); ETIMEDOUT.
    int join(void** result, Deadline deadline, bool try_only);
    // 0 or EINVAL (already detached).
    int detach();

    // Gives the stack back. The fiber must have ended and be off its stack.
    void reclaim();

   private:
    static void entry();
    static void after_last_switch(void* fiber);
};

// What to tell of a thread that has used up its stack.
Line overflow_line(const Fiber& fiber);

// Live threads of the process, adopted ones included.
extern std::atomic<int64_t> live_fibers;

// The static block of the thread that was adopted, or null before.
extern std::atomic<Fiber*> adopted_fiber;

// In a forked child: the thread that called fork. It goes on as what it was, with its handle, keys, cleanup handlers
// and cancellation state, but on a plain kernel thread, until the runtime starts again and takes it over.
struct KeptCaller {
    Fiber* fiber = nullptr;
    void* kernel_thread = nullptr;  // its thread pointer
};
extern KeptCaller kept_caller;

static_assert(sizeof(Fiber) <= kStackSideBytes);

}  // namespace rondo
