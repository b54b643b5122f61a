// SPDX-License-Identifier: Apache-2.0
//
// For tests of an I/O backend without threads: a worker that never runs, whose kernel thread is the test, and
// operations whose "thread" is a block made by hand. An operation that completes makes its block ready, which the
// policy shows.
//
// The backend checks old registrations on every pass here (a clock of 0 ticks a millisecond), so that no test waits.
#pragma once

#include "runtime/core/worker.h"
#include "runtime/io/epoll_backend.h"
#include "runtime/sched/fifo_policy.h"
#include "support/test.h"

namespace rondo_test {

// The runtime is built without type information, which UBSan's check of virtual calls would look for.
#define RONDO_TEST_NO_VPTR __attribute__((no_sanitize("vptr")))

class BenchBackend {
   public:
    RONDO_TEST_NO_VPTR long init() { return backend_.init(0, 0); }
    RONDO_TEST_NO_VPTR bool submit(rondo::IoOp& op) { return backend_.submit(op); }
    RONDO_TEST_NO_VPTR void cancel(rondo::IoOp& op) { backend_.cancel(op); }
    RONDO_TEST_NO_VPTR void withdraw(rondo::IoOp& op) { backend_.withdraw(op); }
    RONDO_TEST_NO_VPTR void poll(rondo::Nanoseconds deadline) { backend_.poll(deadline); }
    RONDO_TEST_NO_VPTR void wake() { backend_.wake(); }
    RONDO_TEST_NO_VPTR void forget(int fd) { backend_.forget(fd); }
    RONDO_TEST_NO_VPTR size_t pending() const { return backend_.pending(); }
    RONDO_TEST_NO_VPTR rondo::IoBackend& seam() { return backend_; }

   private:
    rondo::EpollBackend backend_;
};

struct OpBench {
    OpBench() {
        rondo::StackPool::instance().init(0);
        REQUIRE(backend.init() == 0);
        REQUIRE(worker.init(0, policy, backend.seam(), 1000));
        rondo::self_ = &worker;
    }
    OpBench(const OpBench&) = delete;
    OpBench& operator=(const OpBench&) = delete;
    ~OpBench() { rondo::self_ = nullptr; }

    // Two passes: what was parked before the first is checked in the second.
    void check_registrations() {
        backend.poll(0);
        backend.poll(0);
    }

    rondo::FifoPolicy policy;
    BenchBackend backend;
    rondo::Worker worker;
};

struct ParkedOp : rondo::IoOp {
    ParkedOp(OpBench& bench, rondo::IoKind what, int descriptor)
        : IoOp(what, descriptor, rondo::WaitReason::read), bench_(bench) {
        thread.worker = &bench.worker;
        thread.set_state(rondo::FiberState::parked);
        waiter.fiber = &thread;
        buffer = room;
        length = sizeof room;
    }

    bool completed() const { return waiter.outcome() == rondo::WakeCause::io_done; }
    bool submitted() { return !bench_.backend.submit(*this); }
    std::string text() const { return result > 0 ? std::string(room, static_cast<size_t>(result)) : ""; }

    rondo::Fiber thread;
    char room[64] = {};

   private:
    OpBench& bench_;
};

struct ParkedRead : ParkedOp {
    ParkedRead(OpBench& bench, int descriptor) : ParkedOp(bench, rondo::IoKind::recv, descriptor) {}
};

struct ParkedPoll : ParkedOp {
    ParkedPoll(OpBench& bench, int descriptor, short wanted, rondo::IoOp* owner = nullptr)
        : ParkedOp(bench, rondo::IoKind::poll, descriptor) {
        events = wanted;
        group = owner;
    }
};

}  // namespace rondo_test
