// SPDX-License-Identifier: Apache-2.0
//
// What /proc says of a kernel thread that runs, that waits in a known system call, and that does not exist.

#include "runtime/system/kernel_thread.h"

#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "runtime/base/sys.h"
#include "support/test.h"

namespace {

struct Waiter {
    std::atomic<int> tid{0};
    int pipe_ends[2];
};

void* read_pipe(void* waiter) {
    auto& self = *static_cast<Waiter*>(waiter);
    prctl(PR_SET_NAME, ") S (0) 1 2");
    self.tid = rondo::sys::gettid();
    char byte;
    rondo::sys::read(self.pipe_ends[0], &byte, 1);
    return nullptr;
}

struct Computer {
    std::atomic<int> tid{0};
    std::atomic<bool> stop{false};
};

void* compute(void* computer) {
    auto& self = *static_cast<Computer*>(computer);
    self.tid = rondo::sys::gettid();
    while (!self.stop) {
    }
    return nullptr;
}

}  // namespace

TEST_CASE("a thread that computes") {
    Computer computer;
    pthread_t thread;
    REQUIRE(pthread_create(&thread, nullptr, compute, &computer) == 0);
    rondo::KernelThread state;
    CHECK(rondo_test::wait_until([&] {
        return computer.tid != 0 && rondo::read_kernel_thread(computer.tid, state) && state.running && state.ran_ns > 0;
    }));
    CHECK_FALSE(state.stopped);
    CHECK(state.system_call == -1);
    CHECK(state.pc == 0);
    computer.stop = true;
    pthread_join(thread, nullptr);
}

TEST_CASE("a thread that waits, with a name made to confuse") {
    Waiter waiter;
    REQUIRE(pipe(waiter.pipe_ends) == 0);
    pthread_t thread;
    REQUIRE(pthread_create(&thread, nullptr, read_pipe, &waiter) == 0);
    rondo::KernelThread state;
    CHECK(rondo_test::wait_until([&] {
        return waiter.tid != 0 && rondo::read_kernel_thread(waiter.tid, state) && state.system_call == SYS_read;
    }));
    CHECK_FALSE(state.running);
    CHECK_FALSE(state.stopped);
    CHECK(state.pc != 0);
    CHECK(write(waiter.pipe_ends[1], "x", 1) == 1);
    pthread_join(thread, nullptr);
    close(waiter.pipe_ends[0]);
    close(waiter.pipe_ends[1]);
}

TEST_CASE("no such thread") {
    rondo::KernelThread state;
    CHECK_FALSE(rondo::read_kernel_thread(1 << 30, state));
}
