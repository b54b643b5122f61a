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

struct OpBench {
    OpBench() {
        rondo::StackPool::instance().init(0);
        REQUIRE(backend.init(0, 0) == 0);
        REQUIRE(worker.init(0, policy, backend, 1000));
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
    rondo::EpollBackend backend;
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
