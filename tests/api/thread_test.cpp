// SPDX-License-Identifier: Apache-2.0
//
// Threads: create, the four joins, detach, exit values, identity, and large numbers of them.
// Each case leaves no thread behind: the last one compares the runtime's own count with what it was at the start.
#include "api_test.h"

using namespace rondo::api_test;

namespace {

constexpr int kMany = kThreadSanitizer ? 2'000 : 10'000;

void* echo(void* arg) { return arg; }

void exit_inner(void* value) {
    if (value != nullptr) rondo_exit(value);
}

void exit_outer(void* value) {
    std::string keeps_memory(100, 'x');
    exit_inner(value);
    if (keeps_memory.size() == 100) abort();
}

uint64_t live_threads() {
    rondo_stats stats;
    rondo_get_stats(&stats);
    return stats.live_threads;
}

int tree(int depth) {
    if (depth == 0) return 1;
    int left = 0, right = 0;
    Thread a([&left, depth] { left = tree(depth - 1); });
    Thread b([&right, depth] { right = tree(depth - 1); });
    a.join();
    b.join();
    return left + right;
}

}  // namespace

TEST_CASE("join returns what the thread returned, and its argument reaches it") {
    int mark = 0;
    rondo_t id;
    REQUIRE(rondo_create(&id, nullptr, echo, &mark) == 0);
    void* result = nullptr;
    CHECK(rondo_join(id, &result) == 0);
    CHECK(result == &mark);
}

TEST_CASE("join accepts a null result") {
    rondo_t id;
    REQUIRE(rondo_create(&id, nullptr, echo, nullptr) == 0);
    CHECK(rondo_join(id, nullptr) == 0);
}

TEST_CASE("exit from nested frames gives its value to join") {
    int mark = 0;
    Thread thread([&mark] { exit_outer(&mark); });
    CHECK(thread.join() == &mark);
}

TEST_CASE("tryjoin is busy until the thread has ended") {
    Gate gate;
    Thread thread([&gate] {
        gate.pass();
        return reinterpret_cast<void*>(7);
    });
    void* result = nullptr;
    CHECK(rondo_tryjoin_np(thread.id(), &result) == EBUSY);
    gate.open();
    rondo_t id = thread.id();
    int rc = EBUSY;
    CHECK(eventually([&] { return (rc = rondo_tryjoin_np(id, &result)) != EBUSY; }));
    CHECK(rc == 0);
    CHECK(result == reinterpret_cast<void*>(7));
    thread.release();
}

TEST_CASE("a timed join gives up at its deadline, not before, and the thread can still be joined") {
    Gate gate;
    Thread thread([&gate] { gate.pass(); });
    timespec deadline = deadline_in(CLOCK_REALTIME, 20);
    CHECK(rondo_timedjoin_np(thread.id(), nullptr, &deadline) == ETIMEDOUT);
    CHECK(now_ns(CLOCK_REALTIME) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
    for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
        deadline = deadline_in(clock, 20);
        CHECK(rondo_clockjoin_np(thread.id(), nullptr, clock, &deadline) == ETIMEDOUT);
        CHECK(now_ns(clock) >= deadline.tv_sec * 1'000'000'000LL + deadline.tv_nsec);
    }
    gate.open();
    CHECK(thread.join() == nullptr);
}

TEST_CASE("a timed join refuses a bad deadline" * doctest::skip(kNptl)) {
    Gate gate;
    Thread thread([&gate] { gate.pass(); });
    timespec bad{0, 1'000'000'000};
    CHECK(rondo_timedjoin_np(thread.id(), nullptr, &bad) == EINVAL);
    CHECK(rondo_clockjoin_np(thread.id(), nullptr, CLOCK_MONOTONIC, &bad) == EINVAL);
    gate.open();
}

TEST_CASE("a thread cannot join itself") {
    int rc = 0;
    Thread([&rc] { rc = rondo_join(rondo_self(), nullptr); }).join();
    CHECK(rc == EDEADLK);
}

TEST_CASE("a second joiner is refused while the first waits" * doctest::skip(kNptl)) {
    Gate gate;
    Thread target([&gate] { gate.pass(); });
    rondo_t id = target.release();
    int first = -1;
    Thread joiner([&first, id] { first = rondo_join(id, nullptr); });
    joiner.await_parked();
    timespec limit = deadline_in(CLOCK_REALTIME, 5'000);
    CHECK(rondo_timedjoin_np(id, nullptr, &limit) == EINVAL);
    gate.open();
    joiner.join();
    CHECK(first == 0);
}

TEST_CASE("a detached thread runs to its end and cannot be joined or detached again") {
    Gate gate;
    std::atomic<bool> done{false};
    Thread thread([&] {
        gate.pass();
        done.store(true);
    });
    CHECK(rondo_detach(thread.id()) == 0);
    CHECK(rondo_join(thread.id(), nullptr) == EINVAL);
    CHECK(rondo_detach(thread.id()) == EINVAL);
    gate.open();
    CHECK(eventually([&] { return done.load(); }));
    thread.release();
    static std::vector<Thread> keep_states_until_exit;
    keep_states_until_exit.push_back(std::move(thread));
}

TEST_CASE("a thread may detach itself") {
    struct Shared {
        std::atomic<int> rc{-1};
    };
    static Shared shared;
    rondo_t id;
    REQUIRE(rondo_create(
                &id, nullptr,
                [](void*) -> void* {
                    shared.rc.store(rondo_detach(rondo_self()));
                    return nullptr;
                },
                nullptr) == 0);
    CHECK(eventually([] { return shared.rc.load() >= 0; }));
    CHECK(shared.rc.load() == 0);
}

TEST_CASE("self is stable across parks, and different in each thread") {
    Gate gate;
    std::vector<rondo_t> seen(50);
    std::atomic<int> wrong{0};
    std::vector<Thread> threads;
    for (size_t i = 0; i < seen.size(); ++i) {
        threads.emplace_back([&, i] {
            seen[i] = rondo_self();
            gate.pass();
            for (int round = 0; round < 5; ++round) {
                rondo_yield();
                if (!rondo_equal(rondo_self(), seen[i])) wrong.fetch_add(1);
            }
        });
    }
    gate.open();
    for (size_t i = 0; i < seen.size(); ++i) {
        threads[i].join();
        CHECK(rondo_equal(seen[i], threads[i].id()));
    }
    CHECK(wrong.load() == 0);
    for (size_t i = 1; i < seen.size(); ++i) CHECK(!rondo_equal(seen[0], seen[i]));
}

TEST_CASE("many threads wait at once and are all joined") {
    Gate gate;
    std::atomic<int> waiting{0};
    std::vector<Thread> threads;
    threads.reserve(kMany);
    for (long i = 0; i < kMany; ++i) {
        threads.emplace_back([&gate, &waiting, i] {
            waiting.fetch_add(1);
            gate.pass();
            return reinterpret_cast<void*>(i);
        });
    }
    CHECK(eventually([&] { return waiting.load() == kMany; }));
    gate.open();
    int wrong = 0;
    for (long i = 0; i < kMany; ++i) wrong += threads[static_cast<size_t>(i)].join() != reinterpret_cast<void*>(i);
    CHECK(wrong == 0);
}

TEST_CASE("threads one after another reuse what the last one left") {
    uint64_t before = live_threads();
    rondo_stats stats;
    int wrong = 0;
    for (long i = 0; i < kMany; ++i) {
        rondo_t id;
        void* result = nullptr;
        wrong += rondo_create(&id, nullptr, echo, reinterpret_cast<void*>(i)) != 0;
        wrong += rondo_join(id, &result) != 0 || result != reinterpret_cast<void*>(i);
    }
    CHECK(wrong == 0);
    CHECK(eventually([before] { return kNptl || live_threads() <= (before == 0 ? 1 : before); }));
    rondo_get_stats(&stats);
    CHECK(stats.live_stacks < 100);
}

TEST_CASE("threads create threads") { CHECK(tree(6) == 64); }

TEST_CASE("joining a handle that never was is refused" * doctest::skip(kNptl)) {
    CHECK(rondo_join(rondo_t{0}, nullptr) == ESRCH);
    CHECK(rondo_detach(rondo_t{0}) == ESRCH);
}

TEST_CASE("nothing is left behind" * doctest::skip(kNptl)) {
    CHECK(eventually([] { return live_threads() == 1; }));
    rondo_stats stats;
    rondo_get_stats(&stats);
    CHECK(stats.workers >= 1);
    CHECK(stats.pending_io == 0);
}
