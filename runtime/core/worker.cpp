// SPDX-License-Identifier: Apache-2.0
//
// Switching and the worker's loop. Each function says on which stack it runs; what follows a jump runs on the stack
// that was jumped to.

#include "runtime/core/worker.h"

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/real.h"
#include "runtime/base/reserve.h"

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
    stacks_ = reserve_array<StackCache>(1);
    loop_stack_ = StackPool::instance().take(kLoopStackBytes + real::kernel_stack_overhead(), nullptr);
    return stacks_ != nullptr && loop_stack_ && timers_.init();
}

void Worker::become_current_thread() {
    self_ = this;
    eh_globals_ = find_eh_globals();
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
    if (!policy_->empty()) {
        backend_->poll(0);
    } else {
        asleep_.store(true, std::memory_order_seq_cst);
        backend_->poll(inbox_.empty() ? timers_.next_deadline() : 0);
        asleep_.store(false, std::memory_order_seq_cst);
    }
    drain_inbox();
    if (!timers_.empty()) {
        timers_.fire(now_ns());
    }
    polls_in_ = kPollInterval;
    pass_ticks_ = ticks();
}

// On the loop's stack; returns when a fiber finds nobody to switch to.
void Worker::resume(Fiber& fiber) {
    RONDO_CHECK(fiber.state() == FiberState::ready);
    fiber.set_state(FiberState::running);
    current_ = &fiber;
    budget_ = kBudget;
    ++switches_;
    Context::jump(loop_context_, fiber.context);
    land();
}

Fiber* Worker::choose() {
    if (--polls_in_ <= 0) {
        return nullptr;
    }
    Fiber* next = policy_->next();
    if (next != nullptr) {
        RONDO_CHECK(next->state() == FiberState::ready);
        next->set_state(FiberState::running);
    }
    return next;
}

void Worker::land() {
    Unlock after = after_switch_;
    after_switch_.run = nullptr;
    if (after.run != nullptr) {
        after.run(after.arg);
    }
}

void Worker::switch_away(Unlock after) {
    if (__builtin_expect(StackPool::instance().has_unguarded(), 0)) {
        check_stack();
    }
    Fiber* left = current_;
    Fiber* next = choose();
    budget_ = kBudget;
    if (next == left) {
        if (after.run != nullptr) {
            after.run(after.arg);
        }
        return;
    }
    SavedThreadState saved(eh_globals_);
    ++switches_;
    after_switch_ = after;
    current_ = next;
    Context::jump(left->context, next != nullptr ? next->context : loop_context_);
    land();
    saved.restore(eh_globals_);
}

void Worker::park_current(Unlock unlock) { switch_away(unlock); }

void Worker::yield_current() {
    budget_ = kBudget;
    bool alone = policy_->empty() && inbox_.empty();
    if (alone && ticks() - pass_ticks_ < ticks_per_ms_ / kIdleYieldsPerMs) {
        return;
    }
    current_->set_state(FiberState::ready);
    policy_->ready(*current_);
    switch_away({});
}

void Worker::begin_fiber() {
    land();
    SavedThreadState::clear(eh_globals_);
}

void Worker::leave_for_good(Unlock after) {
    Fiber* left = current_;
    Fiber* next = choose();
    budget_ = kBudget;
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

void Worker::complete(IoOp& op) {
    RONDO_CHECK(op.waiter.claim(WakeCause::io_done));
    Fiber& fiber = *op.waiter.fiber;
    fiber.worker->make_ready(fiber);
}

void Worker::post(Message& message) {
    inbox_.push(message);
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst)) {
        backend_->wake();
    }
}

void Worker::drain_inbox() {
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
    Line message;
    message << "rondo: stack overflow in thread " << current_->id << " \"" << current_->name << "\" ("
            << current_->stack.bytes() / 1024 << " KB)";
    message.send(2);
    panic("stack overflow", __FILE__, __LINE__);
}

}  // namespace rondo
