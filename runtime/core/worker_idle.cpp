// SPDX-License-Identifier: Apache-2.0
//
// What a worker does that has no thread to run: it waits in its backend, or, where a schedule of choices has clocks of
// its own, moves these on. With nothing under way that could end its sleep it asks the system floor (QuietHook) whether
// all threads are stuck. All on the loop's stack, but for quiet().

#include "runtime/core/worker.h"

namespace rondo {

namespace {

constexpr Nanoseconds kShortestRetry = 200 * kMillisecond;
constexpr Nanoseconds kLongestRetry = 60 * kSecond;

QuietHook quiet_hook;

}  // namespace

void set_quiet_hook(const QuietHook& hook) { quiet_hook = hook; }

void Worker::wait_for_work() {
    let_arrive();
    asleep_.store(true, std::memory_order_seq_cst);
    const bool idle = nothing_came();
    let_all_arrive();
    if (idle) {
        sleep();
    } else {
        backend_->poll(0);
    }
    asleep_.store(false, std::memory_order_seq_cst);
}

// What can come from within the process has come when I/O was looked at; then the next thing to happen is a timer,
// unless something outside is waited for: for that, time passes as it really does.
void Worker::wait_for_chosen_work() {
    backend_->poll(0);
    if (!nothing_came()) {
        return;
    }
    if (!on_the_way_.empty()) {
        wait_for_work();  // for no time at all
        return;
    }
    if (!timers_.empty() && outside_waits == 0 && !backend_->waits_for_outside()) {
        move_clock_on();
        return;
    }
    Nanoseconds begin = real_now_ns();
    Nanoseconds left = timers_.empty() ? kNever : timers_.next_deadline() - now_ns();
    wait_for_work();
    Nanoseconds waited = real_now_ns() - begin;
    VirtualClock::advance(waited < left ? waited : left);
}

// To the next deadline, which exists.
void Worker::move_clock_on() {
    Nanoseconds left = timers_.next_deadline() - now_ns();
    VirtualClock::advance(left > 0 ? left : 0);
}

bool Worker::nothing_came() const {
    return policy_->empty() && inbox_.empty() && !recorded_.load(std::memory_order_seq_cst);
}

// With asleep_ set. What a look has found stays so until a thread switches, or until it wants
// another look.
void Worker::sleep() {
    const bool news = looked_at_ != switches_;
    patience_ = news ? quiet_hook.patience : patience_;
    const bool asks = quiet_hook.look != nullptr && (news || looks_again_) && nothing_came();
    if (!asks || !timers_.empty() || backend_->pending() != 0) {
        backend_->poll(timers_.next_deadline());
        return;
    }
    const Nanoseconds begin = real_now_ns();
    if (patience_ != 0) {
        backend_->poll(now_ns() + patience_);
    }
    if (!nothing_came() || real_now_ns() - begin < patience_) {
        return;
    }
    looked_at_ = switches_;
    looks_again_ = quiet_hook.look();
    patience_ = patience_ == 0 ? kShortestRetry : patience_ < kLongestRetry ? 2 * patience_ : kLongestRetry;
}

bool Worker::quiet() const {
    return asleep_.load(std::memory_order_seq_cst) && inbox_.empty() && !recorded_.load(std::memory_order_seq_cst) &&
           on_the_way_.empty() && timers_.empty() && backend_->pending() == 0;
}

}  // namespace rondo
