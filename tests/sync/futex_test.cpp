// SPDX-License-Identifier: Apache-2.0
//
// Futexes between threads of both sorts: who is woken, in which order, and how many are counted.

#include "runtime/sync/futex.h"

#include <atomic>
#include <memory>
#include <thread>

#include "runtime/core/wait_table.h"
#include "system/single_worker.h"

namespace {

using rondo::Deadline;
using rondo::futex_requeue;
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

TEST_CASE("only those are woken that wait for one of the bits") {
    rondo::Worker& worker = rondo_test::single_worker();
    uint32_t word = 0;
    std::string order;
    Thread a([&] { order += futex_wait(&word, 0, {}, 1) == 0 ? 'a' : '!'; });
    Thread b([&] { order += futex_wait(&word, 0, {}, 2) == 0 ? 'b' : '!'; });
    Thread c([&] { order += futex_wait(&word, 0, {}, 3) == 0 ? 'c' : '!'; });
    rondo_test::let_others_park(worker);
    CHECK(futex_wake(&word, 10, 4) == 0);
    CHECK(futex_wake(&word, 1, 2) == 1);
    rondo_test::let_others_park(worker);
    CHECK(order == "b");
    CHECK(futex_wake(&word, 10, 1) == 2);
    rondo_test::let_others_park(worker);
    CHECK(order == "bac");
}

TEST_CASE("waiters of other kinds at the same address are passed over") {
    rondo::Worker& worker = rondo_test::single_worker();
    alignas(8) uint32_t word = 0;
    bool woken = false;
    Thread other([&] {
        rondo::WaitQueue queue(&word);
        rondo::Waiter waiter(rondo::WaitReason::mutex, &word);
        queue.park_back(waiter, {});
        woken = true;
    });
    Thread waiting([&] { futex_wait(&word, 0, {}); });
    rondo_test::let_others_park(worker);
    CHECK(futex_wake(&word, 10) == 1);
    rondo_test::let_others_park(worker);
    CHECK_FALSE(woken);
    rondo::WaitQueue queue(&word);
    rondo::Waiter* first = queue.claim_first();
    queue.unlock();
    REQUIRE(first != nullptr);
    rondo::release(*first);
}

TEST_CASE("some are woken and some moved to another word, in order") {
    rondo::Worker& worker = rondo_test::single_worker();
    uint32_t word = 0;
    uint32_t to = 0;
    uint32_t wrong = 1;
    std::string order;
    Thread x([&] { order += futex_wait(&to, 0, {}) == 0 ? 'x' : '!'; });
    Thread a([&] { order += futex_wait(&word, 0, {}) == 0 ? 'a' : '!'; });
    Thread b([&] { order += futex_wait(&word, 0, {}) == 0 ? 'b' : '!'; });
    Thread c([&] { order += futex_wait(&word, 0, {}) == 0 ? 'c' : '!'; });
    Thread d([&] { order += futex_wait(&word, 0, {}) == 0 ? 'd' : '!'; });
    rondo_test::let_others_park(worker);
    CHECK(futex_requeue(&word, &to, {1, 1, &wrong}) == -EAGAIN);
    CHECK(futex_requeue(&word, &to, {1, 2, &word}) == 3);
    rondo_test::let_others_park(worker);
    CHECK(order == "a");
    CHECK(futex_wake(&word, 10) == 1);
    rondo_test::let_others_park(worker);
    CHECK(order == "ad");
    CHECK(futex_wake(&to, 10) == 3);
    rondo_test::let_others_park(worker);
    CHECK(order == "adxbc");
}

TEST_CASE("a waiter that was moved still leaves at its deadline") {
    rondo::Worker& worker = rondo_test::single_worker();
    uint32_t word = 0;
    uint32_t to = 0;
    int result = -1;
    Thread waiting([&] { result = futex_wait(&word, 0, in_ms(5)); });
    rondo_test::let_others_park(worker);
    CHECK(futex_requeue(&word, &to, {0, 1, nullptr}) == 1);
    waiting.join();
    CHECK(result == ETIMEDOUT);
    CHECK(futex_wake(&to, 10) == 0);
}

TEST_CASE("waiters are moved to and fro while they leave by timeouts") {
    rondo_test::single_worker();
    uint32_t words[2] = {0, 0};
    std::atomic<bool> over{false};
    std::thread mover([&] {
        for (int i = 0; !over; i = 1 - i) {
            futex_requeue(&words[i], &words[1 - i], {0, 4, nullptr});
        }
    });
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < 8; ++i) {
        threads.push_back(std::make_unique<Thread>([&, i] {
            for (int round = 0; round < 100; ++round) {
                CHECK(futex_wait(&words[i % 2], 0, {rondo::now_ns() + 50000, CLOCK_MONOTONIC}) == ETIMEDOUT);
            }
        }));
    }
    threads.clear();
    over = true;
    mover.join();
    CHECK(futex_wake(&words[0], 10) + futex_wake(&words[1], 10) == 0);
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
