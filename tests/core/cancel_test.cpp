// SPDX-License-Identifier: Apache-2.0
//
// The delivery of cancellations to threads that stand still: blocks made by hand on a worker that never runs, so that
// each step of the race between canceller, message and wait can be looked at.

#include "runtime/core/cancel.h"

#include <memory>
#include <thread>

#include "runtime/core/worker.h"
#include "runtime/sched/fifo_policy.h"
#include "support/test.h"

namespace {

using rondo::Fiber;
using rondo::FiberRest;
using rondo::FiberState;
using rondo::kCancelDisabled;
using rondo::kCancelInFlight;
using rondo::kCancelPending;
using rondo::kExiting;
using rondo::Waiter;
using rondo::WaitReason;
using rondo::WakeCause;

class NoBackend final : public rondo::IoBackend {
   public:
    long send_now(rondo::IoKind, int, const void*, size_t, int) override { return 0; }
    bool submit(rondo::IoOp&) override { return true; }
    void cancel(rondo::IoOp&) override {}
    void withdraw(rondo::IoOp&) override {}
    void poll(rondo::Nanoseconds) override {}
    void wake() override { ++wakes; }
    void forget(int) override {}
    bool waits_for_outside() const override { return false; }
    size_t pending() const override { return 0; }
    const char* name() const override { return "none"; }
    int wakes = 0;
};

// A thread that is parked on a worker whose kernel thread is the caller.
struct Parked {
    Parked() {
        rondo::StackPool::instance().init(0);
        REQUIRE(worker.init(0, policy, backend, 1000));
        rondo::self_ = &worker;
        fiber.worker = &worker;
        fiber.waiting = &waiter;
        fiber.rest = &rest;
        fiber.set_state(FiberState::parked);
        waiter.fiber = &fiber;
        waiter.cancellable = true;
    }
    Parked(const Parked&) = delete;
    Parked& operator=(const Parked&) = delete;
    ~Parked() { rondo::self_ = nullptr; }

    void from_another_thread() {
        std::thread canceller([this] { rondo::request_cancel(fiber); });
        canceller.join();
    }

    uint32_t bits() const { return fiber.cancel_bits.load(); }
    bool ended_by_cancel() const { return waiter.outcome() == WakeCause::cancelled; }

    rondo::FifoPolicy policy;
    NoBackend backend;
    rondo::Worker worker;
    FiberRest rest;
    Fiber fiber;
    Waiter waiter{WaitReason::semaphore, nullptr};
};

}  // namespace

TEST_CASE("only a pending request that is not held off is acted on") {
    Fiber fiber;
    for (uint32_t bits = 0; bits < 16; ++bits) {
        CAPTURE(bits);
        fiber.cancel_bits = bits;
        bool held_off = (bits & (kCancelDisabled | kExiting)) != 0;
        CHECK(rondo::should_cancel(fiber) == ((bits & kCancelPending) != 0 && !held_off));
    }
}

TEST_CASE("a request on the target's own worker ends its wait at once") {
    Parked parked;
    rondo::request_cancel(parked.fiber);
    CHECK(parked.ended_by_cancel());
    CHECK(parked.bits() == kCancelPending);
    CHECK(parked.policy.next() == &parked.fiber);
    CHECK(parked.fiber.state() == FiberState::ready);
}

TEST_CASE("a request from another thread travels as one message") {
    Parked parked;
    parked.from_another_thread();
    parked.from_another_thread();
    CHECK(parked.bits() == (kCancelPending | kCancelInFlight));
    CHECK_FALSE(parked.ended_by_cancel());
    parked.worker.drain_inbox();
    CHECK(parked.bits() == kCancelPending);
    CHECK(parked.ended_by_cancel());
    CHECK(parked.policy.next() == &parked.fiber);
    CHECK(parked.policy.empty());
}

TEST_CASE("a wait that is no cancellation point goes on, with the request pending") {
    Parked parked;
    parked.waiter.cancellable = false;
    rondo::request_cancel(parked.fiber);
    CHECK(parked.bits() == kCancelPending);
    CHECK(parked.waiter.outcome() == WakeCause::pending);
    CHECK(parked.policy.empty());
}

TEST_CASE("a disabled thread's wait goes on, with the request pending") {
    Parked parked;
    parked.fiber.cancel_bits = kCancelDisabled;
    rondo::request_cancel(parked.fiber);
    CHECK(parked.bits() == (kCancelPending | kCancelDisabled));
    CHECK(parked.waiter.outcome() == WakeCause::pending);
    CHECK(parked.policy.empty());
}

TEST_CASE("a thread that is exiting is not asked") {
    Parked parked;
    parked.fiber.cancel_bits = kExiting;
    parked.from_another_thread();
    parked.worker.drain_inbox();
    CHECK(parked.bits() == kExiting);
    CHECK(parked.waiter.outcome() == WakeCause::pending);
}

TEST_CASE("a wait that was won before the message arrives keeps its outcome") {
    Parked parked;
    parked.from_another_thread();
    REQUIRE(parked.waiter.claim(WakeCause::woken));
    parked.worker.drain_inbox();
    CHECK(parked.waiter.outcome() == WakeCause::woken);
    CHECK(parked.bits() == kCancelPending);
    CHECK(parked.policy.empty());
}

TEST_CASE("a running thread's wait is left alone") {
    Parked parked;
    parked.fiber.set_state(FiberState::ready);
    rondo::request_cancel(parked.fiber);
    CHECK(parked.waiter.outcome() == WakeCause::pending);
    CHECK(parked.policy.empty());
}

TEST_CASE("a wait with an operation is handed to whoever can stop it") {
    static int asked = 0;
    Parked parked;
    parked.waiter.interrupt = [](Waiter&, WakeCause cause) { asked += cause == WakeCause::cancelled ? 1 : 100; };
    rondo::request_cancel(parked.fiber);
    CHECK(asked == 1);
    CHECK(parked.waiter.outcome() == WakeCause::pending);
    CHECK(parked.policy.empty());
    rondo::interrupt_waiter(parked.waiter, WakeCause::timed_out);
    CHECK(asked == 101);
    REQUIRE(parked.waiter.claim(WakeCause::io_done));
    rondo::interrupt_waiter(parked.waiter, WakeCause::timed_out);
    CHECK(asked == 101);
}

TEST_CASE("on a kernel thread a cancellation point does nothing") {
    rondo::cancellation_point();
    CHECK(rondo::current_fiber() == nullptr);
}
