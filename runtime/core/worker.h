// SPDX-License-Identifier: Apache-2.0
//
// A worker: one kernel thread that runs fibers, with its own run queue, timers, I/O backend, stack cache and inbox.
// Everything in it is used on that thread alone, except post(), load and what is marked atomic.
//
// Fibers switch to each other directly while the run queue has work. Every 100 us (looked at each 64 switches), and
// when the queue is empty, the worker's own loop runs on its own stack: inbox, timers, I/O, then the next fiber. With
// nothing to do it sleeps in the backend.
//
// Sleeping without losing a message: the worker sets asleep_ and looks at the inbox once more; a sender pushes and then
// clears asleep_. One of the two sees the other (both are sequentially consistent), and only the sender that clears the
// flag pays for a wake().
//
// Fairness: a call that did not park spends budget; when it is used up, or a pass of the loop is 1 ms old, the fiber
// yields. Code that makes no call is not preempted.
//
// Under a choice source (choice.h) the budget is one call, and what is asked of clocks here is counted instead: the
// loop passes at each fourth switch. Then the worker may also play another worker's part: messages to itself arrive
// when they like, also between the steps of falling asleep.
#pragma once

#include "runtime/core/choice.h"
#include "runtime/core/fiber.h"
#include "runtime/core/io_backend.h"
#include "runtime/core/park.h"
#include "runtime/core/policy.h"
#include "runtime/core/tls.h"

namespace rondo {

// What another kernel thread can see of a worker without its help; the fields need not be of one moment.
struct WorkerView {
    uint64_t switches;
    uint64_t pass_ticks;  // when it last looked at I/O
    Fiber* current;       // null: its own loop
    int tid;              // of its kernel thread; 0 before that has run
    bool asleep;          // in its backend
};

// Asked when a worker has slept for `patience` with nothing of its own under way that could wake it: no timer, no I/O.
// Runs on the worker's loop stack, while the worker counts as asleep. True: ask again later, even if nothing has
// happened meanwhile. Set before the workers run; look may be null.
struct QuietHook {
    bool (*look)() = nullptr;
    Nanoseconds patience = 0;  // 0: ask before the sleep
};
void set_quiet_hook(const QuietHook& hook);

class Worker {
   public:
    // index: 0 is the main thread's. False: no memory for timers, cache or loop stack.
    bool init(unsigned index, Policy& policy, IoBackend& backend, uint64_t ticks_per_ms);

    // Gives everything back, the loop's stack only if nobody stands on it; for a start that failed before the worker
    // ran, and for a forked child, in which it does not run.
    void release(bool with_stack);

    // The stack that its loop or its kernel thread runs on.
    Stack loop_stack() const { return loop_stack_; }

    // Makes the calling kernel thread this worker, running `fiber` in place. The loop gets a stack of its own.
    void adopt(Fiber& fiber);

    // Makes the calling kernel thread this worker and runs its loop on the calling stack.
    [[noreturn]] void run_here();

    // Sends a message from any thread; wakes the worker if it sleeps.
    void post(Message& message);

    // Suspends the current fiber, which somebody else will make ready.
    void park_current(Unlock unlock);

    // Lets the others run. Returns at once when there are none and I/O was looked at a moment ago.
    // Returns 0, so that the API's call of it is a jump (see Context::jump on returns).
    int yield_current();

    // The current fiber yields if the choice source says so.
    void offer_yield(const char* call);

    // Here others could run at once if they were on another worker: a thread that the current fiber has made ready,
    // which may destroy what was waited for, or whoever gets to a queue before it. Nowhere else does the runtime's own
    // code let them, and never between a switch and the end of its landing.
    void let_others_run(const char* call) {
        if (exploring() && current_ != nullptr && after_switch_.run == nullptr) {
            offer_yield(call);
        }
    }

    // The first call of a new fiber: ends the switch that led to it, with a clean errno and no exception in flight.
    void begin_fiber();

    // Leaves the current fiber for good; `after` runs off its stack.
    [[noreturn]] void leave_for_good(Unlock after);

    // Makes a fiber of this worker runnable; on its kernel thread.
    void make_ready(Fiber& fiber);

    // Ends the wait of an operation: its thread runs again with op.result. On its kernel thread.
    static void complete(IoOp& op);

    // A call that could have parked and did not.
    void spend_budget(const char* call) {
        bool late = ticks() - pass_ticks_ > ticks_per_ms_;
        if (late) {
            look_in_ = 0;  // others have used up the millisecond as well: look at I/O before the next of them
        }
        if (--budget_ <= 0 || late) {
            budget_spent(call);
        }
    }
    // The same without the clock, for operations of a few nanoseconds.
    void spend_budget_cheaply(const char* call) {
        if (--budget_ <= 0) {
            budget_spent(call);
        }
    }
    // For a call that does so in two steps: false, and budget_spent() must follow.
    bool has_budget() { return --budget_ > 0; }
    // Returns 0, as yield_current().
    int budget_spent(const char* call);

    // In a signal handler on this worker's kernel thread, for signals that it has recorded: the loop passes soon and
    // calls the hook of interrupt.h.
    void hurry() {
        recorded_.store(true, std::memory_order_seq_cst);
        budget_ = 0;
        look_in_ = 0;
        pass_ticks_ = 0;
        if (asleep_.load(std::memory_order_seq_cst)) {
            backend_->wake();
        }
    }

    // Runs the messages that have arrived.
    void drain_inbox();

    Fiber* current() const { return current_; }
    Timers& timers() { return timers_; }
    IoBackend& backend() { return *backend_; }
    StackCache* stacks() { return stacks_; }
    unsigned index() const { return index_; }
    uint64_t switches() const { return switches_; }
    uint64_t pass_ticks() const { return pass_ticks_; }
    uint64_t ticks_per_ms() const { return ticks_per_ms_; }

    // Any thread. What it looks at is written with plain stores (gcc makes three instructions of a relaxed increment,
    // in each switch); they are aligned words, so what is read is at most old.
    WorkerView view() const;

    // Any thread: it sleeps, and nothing is under way that it waits for.
    bool quiet() const;

    std::atomic<int64_t> load{0};  // fibers placed here and not ended; any thread

   private:
    static constexpr int kBudget = 64;
    static constexpr int kLookInterval = 64;
    static constexpr int kPassesPerMs = 10;
    static constexpr int kLookIntervalOfChoices = 4;

    static void loop_entry();
    [[noreturn]] void loop();
    void become_current_thread();
    void pass();
    void wait_for_work();
    void wait_for_chosen_work();
    void move_clock_on();
    void resume(Fiber& fiber);
    [[gnu::always_inline]] Fiber* choose();
    bool pass_is_due();
    [[gnu::always_inline]] void switch_to(Fiber* next);
    [[gnu::always_inline]] static Fiber* mark_running(Fiber* next);
    [[gnu::always_inline]] void land();
    void check_stack() const;
    void take_recorded();
    void arrive(Message& message);
    void let_arrive();
    void let_all_arrive();
    void sleep();
    bool nothing_came() const;

    Fiber* current_ = nullptr;  // null while the loop runs
    Policy* policy_ = nullptr;
    int budget_ = kBudget;
    int look_in_ = kLookInterval;  // switches left before the age of the last pass is looked at
    int full_budget_ = kBudget;
    int look_interval_ = kLookInterval;
    Unlock after_switch_;
    uint64_t pass_ticks_ = 0;  // when the loop last looked at I/O
    uint64_t ticks_per_ms_ = 0;
    ThreadStatePlaces thread_state_;
    uint64_t switches_ = 0;
    Timers timers_;
    IoBackend* backend_ = nullptr;
    StackCache* stacks_ = nullptr;
    Context loop_context_;
    Stack loop_stack_;
    unsigned index_ = 0;
    std::atomic<int> tid_{0};
    uint64_t looked_at_ = UINT64_MAX;  // switches_ when the quiet hook was last asked
    bool looks_again_ = false;         // though nothing has switched since
    Nanoseconds patience_ = 0;         // before its next look

    alignas(64) Inbox inbox_;
    std::atomic<bool> asleep_{false};
    std::atomic<bool> recorded_{false};  // see hurry()
    Inbox on_the_way_;                   // messages to itself as from another worker; used on its own thread alone
};

// Whether the caller may do at once what concerns a fiber of this worker; else it sends a message. A choice source may
// treat the own worker as another one.
inline bool is_here(const Worker* worker) { return worker == self_ && choose(ChoiceKind::far, 2, "message") == 0; }

// The fiber that runs on this kernel thread, or null on a thread that is no worker.
inline Fiber* current_fiber() {
    Worker* worker = self_;
    return worker != nullptr ? worker->current() : nullptr;
}

// The same, and in a forked child the thread that called fork.
inline Fiber* calling_thread() {
    Fiber* fiber = current_fiber();
    bool kept = fiber == nullptr && kept_caller.fiber != nullptr && kept_caller.kernel_thread == thread_pointer();
    return kept ? kept_caller.fiber : fiber;
}

// What names the calling thread as the owner of a lock: unique among all threads of the process.
// A kernel thread's own is its libc handle, which the adopted thread keeps.
inline uint64_t current_owner() {
    Fiber* fiber = calling_thread();
    return fiber != nullptr ? fiber->handle : reinterpret_cast<uint64_t>(thread_pointer());
}

}  // namespace rondo
