// SPDX-License-Identifier: Apache-2.0
//
// Switching and the worker's loop. Each function says on which stack it runs; what follows a jump runs on the stack
// that was jumped to.

#include "runtime/core/worker.h"

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/base/reserve.h"
#include "runtime/core/interrupt.h"

namespace rondo {

namespace {

constexpr size_t kLoopStackBytes = 256 * 1024;  // and what libc itself needs on a kernel thread's stack
constexpr uint64_t kIdleYieldsPerMs = 32;       // a yield with nobody else ready looks at I/O this often

}  // namespace

bool Worker::init(unsigned index, Policy& policy, IoBackend& backend, uint64_t ticks_per_ms) {
    index_ = index;
    policy_ = &policy;
    backend_ = &backend;
    ticks_per_ms_ = ticks_per_ms;
    if (exploring()) {
        full_budget_ = 1;
        look_interval_ = kLookIntervalOfChoices;
    }
    budget_ = full_budget_;
    look_in_ = look_interval_;
    stacks_ = reserve_array<StackCache>(1);
    loop_stack_ = StackPool::instance().take(kLoopStackBytes + real::kernel_stack_overhead(), nullptr);
    return stacks_ != nullptr && loop_stack_ && timers_.init();
}

void Worker::release(bool with_stack) {
    timers_.release();
    if (loop_stack_ && with_stack) {
        Context::forget(loop_stack_.low(), loop_stack_.bytes());
        StackPool::instance().give_back(loop_stack_, nullptr);
    }
    if (stacks_ != nullptr) {
        sys::munmap(stacks_, sizeof *stacks_);
    }
}

void Worker::become_current_thread() {
    self_ = this;
    tid_.store(sys::gettid(), std::memory_order_relaxed);
    thread_state_.find();
    pass_ticks_ = ticks();
}

void Worker::adopt(Fiber& fiber) {
    loop_context_.make(loop_stack_.low(), loop_stack_.top(), loop_entry);
    fiber.worker = this;
    fiber.set_state(FiberState::running);
    current_ = &fiber;
    load.fetch_add(1, std::memory_order_relaxed);
    become_current_thread();
}

void Worker::loop_entry() {
    self_->land();
    self_->loop();
}

void Worker::run_here() {
    loop_context_.describe_running(loop_stack_.low(), loop_stack_.bytes());
    become_current_thread();
    loop();
}

void Worker::loop() {
    for (;;) {
        pass();
        if (Fiber* next = policy_->next()) {
            resume(*next);
        }
    }
}

// On the loop's stack.
void Worker::pass() {
    drain_inbox();
    take_recorded();
    if (!policy_->empty()) {
        backend_->poll(0);
        bool may_be_late = exploring() && !timers_.empty() && timers_.next_deadline() > now_ns();
        if (may_be_late && choice_source->choose(ChoiceKind::clock, 2, "") != 0) {
            move_clock_on();
        }
    } else if (exploring()) {
        wait_for_chosen_work();
    } else {
        wait_for_work();
    }
    drain_inbox();
    take_recorded();
    if (!timers_.empty()) {
        timers_.fire(now_ns());
    }
    look_in_ = look_interval_;
    pass_ticks_ = ticks();
}

void Worker::take_recorded() {
    if (recorded_.load(std::memory_order_relaxed)) {
        recorded_.store(false, std::memory_order_seq_cst);
        signal_hooks().recorded(*this);
    }
}

// On the loop's stack; returns when a fiber finds nobody to switch to.
void Worker::resume(Fiber& fiber) {
    RONDO_CHECK(fiber.state() == FiberState::ready);
    fiber.set_state(FiberState::running);
    current_ = &fiber;
    ++switches_;
    Context::jump(loop_context_, fiber.context);
    land();
}

// Reading the clock at each switch would cost as much as the switch.
bool Worker::pass_is_due() {
    if (--look_in_ > 0) {
        return false;
    }
    look_in_ = look_interval_;
    if (exploring()) {
        VirtualClock::step();
        return true;
    }
    return ticks() - pass_ticks_ > ticks_per_ms_ / kPassesPerMs;
}

inline Fiber* Worker::mark_running(Fiber* next) {
    if (next != nullptr) {
        RONDO_CHECK(next->state() == FiberState::ready);
        next->set_state(FiberState::running);
    }
    return next;
}

// The fiber to switch to; null: to the loop.
inline Fiber* Worker::choose() { return __builtin_expect(pass_is_due(), 0) ? nullptr : mark_running(policy_->next()); }

// after_switch_ is set only between a park's switch and the end of its landing.
inline void Worker::land() {
    if (after_switch_.run != nullptr) {
        after_switch_.run(after_switch_.arg);
        after_switch_.run = nullptr;
    }
}

inline void Worker::switch_to(Fiber* next) {
    if (__builtin_expect(StackPool::has_unguarded(), 0)) {
        check_stack();
    }
    Fiber* left = current_;
    SavedThreadState saved(thread_state_);
    ++switches_;
    current_ = next;
    Context::jump(left->context, next != nullptr ? next->context : loop_context_);
    budget_ = full_budget_;
    land();
    saved.restore(thread_state_);
    if (__builtin_expect(left->signal_due.load(std::memory_order_relaxed), 0)) {
        signal_hooks().due(*this);
    }
}

void Worker::park_current(Unlock unlock) {
    Fiber* next = choose();
    if (next != current_) {
        after_switch_ = unlock;
        switch_to(next);
        return;
    }
    budget_ = full_budget_;  // somebody made it ready already
    if (unlock.run != nullptr) {
        unlock.run(unlock.arg);
    }
}

int Worker::yield_current() {
    current_->set_state(FiberState::ready);
    Fiber* next = nullptr;
    if (__builtin_expect(pass_is_due(), 0)) {
        policy_->ready(*current_);
    } else {
        next = mark_running(policy_->exchange(*current_));
    }
    if (next == current_) {
        budget_ = full_budget_;
        bool looked_just_now = inbox_.empty() && ticks() - pass_ticks_ < ticks_per_ms_ / kIdleYieldsPerMs;
        if (looked_just_now) {
            return 0;
        }
        current_->set_state(FiberState::ready);
        policy_->ready(*current_);
        next = nullptr;
    }
    switch_to(next);
    return 0;
}

int Worker::budget_spent(const char* call) {
    if (!exploring()) {
        return yield_current();
    }
    offer_yield(call);
    return 0;
}

// Not asked where nobody could run instead.
void Worker::offer_yield(const char* call) {
    budget_ = full_budget_;
    VirtualClock::step();
    bool alone =
        policy_->empty() && timers_.empty() && backend_->pending() == 0 && inbox_.empty() && on_the_way_.empty();
    if (alone ? choice_source->nothing_to_choose() : choice_source->choose(ChoiceKind::yield, 2, call) != 0) {
        yield_current();
    }
}

void Worker::begin_fiber() {
    land();
    budget_ = full_budget_;
    thread_state_.clear();
    if (current_->signal_due.load(std::memory_order_relaxed)) {
        signal_hooks().due(*this);
    }
}

void Worker::leave_for_good(Unlock after) {
    Fiber* left = current_;
    Fiber* next = choose();
    ++switches_;
    after_switch_ = after;
    current_ = next;
    Context::jump_last(left->context, next != nullptr ? next->context : loop_context_);
}

void Worker::make_ready(Fiber& fiber) {
    FiberState before = fiber.state();
    RONDO_CHECK(fiber.worker == this && (before == FiberState::parked || before == FiberState::created));
    fiber.set_state(FiberState::ready);
    policy_->ready(fiber);
}

// All that can end an operation's wait happens on its worker, so the claim needs no locked instruction, which would
// wait for the stores before it, to other threads' cold stacks.
void Worker::complete(IoOp& op) {
    RONDO_CHECK(op.waiter.outcome() == WakeCause::pending);
    op.waiter.cause.store(WakeCause::io_done, std::memory_order_release);
    Fiber& fiber = *op.waiter.fiber;
    fiber.worker->make_ready(fiber);
}

void Worker::post(Message& message) {
    if (exploring() && self_ == this) {
        on_the_way_.push(message);
        return;
    }
    arrive(message);
}

void Worker::arrive(Message& message) {
    inbox_.push(message);
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst)) {
        backend_->wake();
    }
}

__attribute__((no_sanitize("thread"))) WorkerView Worker::view() const {
    return {__atomic_load_n(&switches_, __ATOMIC_RELAXED), __atomic_load_n(&pass_ticks_, __ATOMIC_RELAXED),
            __atomic_load_n(&current_, __ATOMIC_RELAXED), tid_.load(std::memory_order_relaxed),
            asleep_.load(std::memory_order_relaxed)};
}

// By default all that is on the way; see is_here().
void Worker::let_arrive() {
    if (!exploring()) {
        return;
    }
    for (Message* message = on_the_way_.take_all(); message != nullptr;) {
        Message* next = message->next;
        bool later = choice_source->choose(ChoiceKind::far, 2, "arrival") != 0;
        later ? on_the_way_.push(*message) : arrive(*message);
        message = next;
    }
}

// While the worker sleeps.
void Worker::let_all_arrive() {
    if (!exploring()) {
        return;
    }
    for (Message* message = on_the_way_.take_all(); message != nullptr;) {
        Message* next = message->next;
        arrive(*message);
        message = next;
    }
}

void Worker::drain_inbox() {
    let_arrive();
    Message* message = inbox_.take_all();
    while (message != nullptr) {
        Message* next = message->next;
        message->run(*message);
        message = next;
    }
}

// Only where a stack without a guard exists: an overflow is found when its thread next gives up the processor.
void Worker::check_stack() const {
    if (current_->adopted || static_cast<char*>(__builtin_frame_address(0)) >= current_->stack.low()) {
        return;
    }
    Line message = overflow_line(*current_);
    end_at_fault(message);
}

}  // namespace rondo
