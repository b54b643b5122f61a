// SPDX-License-Identifier: Apache-2.0
//
// Futexes between threads of both sorts: who is woken, in which order, and how many are counted.

#include "runtime/sync/futex.h"

#include <atomic>
#include <thread>

#include "system/single_worker.h"

namespace {

using rondo::Deadline;
using rondo::futex_wait;
using rondo::futex_wake;
using rondo_test::Thread;

Deadline in_ms(int64_t milliseconds) { return {rondo::now_ns() + milliseconds * rondo::kMillisecond, CLOCK_MONOTONIC}; }

}  // namespace

TEST_CASE("a word that differs is not waited for") {
    uint32_t word = 1;
    CHECK(futex_wait(&word, 0, {}) == EAGAIN);
    CHECK(futex_wake(&word, 1) == 0);
}

TEST_CASE("a wait ends at its deadline, on a thread and on a kernel thread") {
    uint32_t word = 0;
    std::thread kernel_thread([&word] { CHECK(futex_wait(&word, 0, in_ms(1)) == ETIMEDOUT); });
    kernel_thread.join();
    rondo_test::single_worker();
    CHECK(futex_wait(&word, 0, in_ms(1)) == ETIMEDOUT);
    CHECK(futex_wait(&word, 0, {0, CLOCK_MONOTONIC}) == ETIMEDOUT);
    CHECK(futex_wake(&word, 10) == 0);
}

TEST_CASE("at most so many are woken, first come first served, and no others") {
    rondo::Worker& worker = rondo_test::single_worker();
    uint32_t word = 0;
    uint32_t other = 0;
    std::string order;
    Thread a([&] { order += futex_wait(&word, 0, {}) == 0 ? 'a' : '!'; });
    Thread b([&] { order += futex_wait(&word, 0, {}) == 0 ? 'b' : '!'; });
    Thread c([&] { order += futex_wait(&word, 0, {}) == 0 ? 'c' : '!'; });
    Thread x([&] { order += futex_wait(&other, 0, {}) == 0 ? 'x' : '!'; });
    rondo_test::let_others_park(worker);
    CHECK(futex_wake(&word, 0) == 0);
    CHECK(futex_wake(&word, 2) == 2);
    rondo_test::let_others_park(worker);
    CHECK(order == "ab");
    CHECK(futex_wake(&word, 10) == 1);
    CHECK(futex_wake(&other, 1) == 1);
    rondo_test::let_others_park(worker);
    CHECK(order == "abcx");
}

TEST_CASE("a thread and a kernel thread take turns") {
    rondo_test::single_worker();
    constexpr int kRounds = 2000;
    alignas(4) std::atomic<uint32_t> turn{0};
    auto* word = reinterpret_cast<uint32_t*>(&turn);
    auto play = [&](uint32_t mine) {
        for (int i = 0; i < kRounds; ++i) {
            while (turn.load() != mine) {
                futex_wait(word, 1 - mine, in_ms(10000));
            }
            turn.store(1 - mine);
            futex_wake(word, 1);
        }
    };
    std::thread kernel_thread(play, 1);
    play(0);
    kernel_thread.join();
    CHECK(turn == 0);
    CHECK(futex_wake(word, 10) == 0);
}
