// SPDX-License-Identifier: Apache-2.0
//
// The calls that POSIX has no name for: futexes, offloading, the dump, statistics and the version.
#include "api_test.h"

using namespace rondo::api_test;

TEST_CASE("a futex wait returns at once when the word differs") {
    uint32_t word = 5;
    CHECK(rondo_futex_wait(&word, 6, nullptr) == EAGAIN);
}

TEST_CASE("a futex wait ends at its deadline") {
    uint32_t word = 5;
    timespec deadline = deadline_in(CLOCK_MONOTONIC, 15);
    CHECK(rondo_futex_wait(&word, 5, &deadline) == ETIMEDOUT);
    CHECK(now_ns() >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
}

TEST_CASE("a futex wake wakes as many as asked, and says how many") {
    static uint32_t word;
    word = 0;
    std::atomic<int> woken{0};
    std::vector<Thread> waiters;
    for (int i = 0; i < 10; ++i) {
        waiters.emplace_back([&woken] {
            while (rondo_futex_wait(&word, 0, nullptr) != 0) {
            }
            woken.fetch_add(1);
        });
    }
    for (Thread& waiter : waiters) waiter.await_parked();
    CHECK(rondo_futex_wake(&word, 3) == 3);
    CHECK(eventually([&] { return woken.load() == 3; }));
    CHECK(rondo_futex_wake(&word, 100) == 7);
    for (Thread& waiter : waiters) waiter.join();
    CHECK(rondo_futex_wake(&word, 100) == 0);
}

TEST_CASE("a futex is shared with foreign kernel threads") {
    constexpr uint32_t kRounds = 1'000;
    static std::atomic<uint32_t> turn;
    turn = 0;
    auto play = [](uint32_t own) {
        for (uint32_t round = 0; round < kRounds; ++round) {
            uint32_t now;
            while ((now = turn.load()) % 2 != own) rondo_futex_wait(reinterpret_cast<uint32_t*>(&turn), now, nullptr);
            turn.fetch_add(1);
            rondo_futex_wake(reinterpret_cast<uint32_t*>(&turn), 1);
        }
    };
    Thread thread([&play] { play(0); });
    ForeignThread foreign([&play] { play(1); });
    thread.join();
    foreign.join();
    CHECK(turn.load() == 2 * kRounds);
}

TEST_CASE("an offloaded call runs on another kernel thread while others run here" * doctest::skip(kNptl)) {
    struct State {
        std::atomic<int> kernel_id{0};
        std::atomic<bool> go{false};
    } state;
    Thread caller([&state] {
        int rc = rondo_offload(
            [](void* arg) {
                auto* shared = static_cast<State*>(arg);
                shared->kernel_id.store(gettid());
                while (!shared->go.load()) sched_yield();
            },
            &state);
        CHECK(rc == 0);
    });
    CHECK(eventually([&] { return state.kernel_id.load() != 0; }));
    CHECK(state.kernel_id.load() != gettid());
    state.go.store(true);
    caller.join();
}

TEST_CASE("many offloaded calls all run, with their memory in place") {
    std::atomic<long> sum{0};
    {
        std::vector<Thread> threads;
        for (long i = 1; i <= 100; ++i) {
            threads.emplace_back([&sum, i] {
                std::pair<std::atomic<long>*, long> local{&sum, i};
                int rc = rondo_offload(
                    [](void* arg) {
                        auto* given = static_cast<std::pair<std::atomic<long>*, long>*>(arg);
                        given->first->fetch_add(given->second);
                        given->second = 0;
                    },
                    &local);
                if (rc != 0 || local.second != 0) sum.fetch_add(1'000'000);
            });
        }
    }
    CHECK(sum.load() == 5'050);
}

TEST_CASE("the dump has a line for each thread, with its name" * doctest::skip(kNptl)) {
    Gate gate;
    Thread thread([&gate] { gate.pass(); });
    thread.await_parked();
    CHECK(rondo_setname_np(thread.id(), "dumped-thread") == 0);
    int fd = memfd_create("dump", MFD_CLOEXEC);
    rondo_dump(fd);
    char text[8192] = "";
    ssize_t bytes = pread(fd, text, sizeof text - 1, 0);
    ::close(fd);
    CHECK(bytes > 0);
    CHECK(std::string(text).find("dumped-thread") != std::string::npos);
    gate.open();
}

TEST_CASE("statistics count what lives" * doctest::skip(kNptl)) {
    Thread([] {}).join();
    rondo_stats before, during;
    CHECK(eventually([&] {
        rondo_get_stats(&before);
        return before.live_threads == 1;
    }));
    Gate gate;
    std::vector<Thread> threads;
    for (int i = 0; i < 20; ++i) threads.emplace_back([&gate] { gate.pass(); });
    for (Thread& thread : threads) thread.await_parked();
    rondo_get_stats(&during);
    CHECK(during.live_threads == before.live_threads + 20);
    CHECK(during.live_stacks >= 20);
    CHECK(during.switches > before.switches);
    CHECK(during.workers >= 1);
    CHECK(std::string(during.io_backend) == "epoll");
    std::string guards = during.guard_kind;
    CHECK((guards == "madvise" || guards == "mprotect" || guards == "check"));
    gate.open();
}

TEST_CASE("the version names the project") { CHECK(std::string(rondo_version()).rfind("rondo ", 0) == 0); }
