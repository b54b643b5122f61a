// SPDX-License-Identifier: Apache-2.0
//
// Waiting for signals: sigwait and its kin, sigsuspend, pause.

#include "api/signal_support.h"

using namespace rondo::api_test;

TEST_CASE("a thread in sigwait takes a signal that all block") {
    Blocked blocked({SIGUSR1, SIGTERM});
    std::atomic<int> taken{0};
    Thread waiter([&] {
        sigset_t set = set_of({SIGUSR1, SIGTERM});
        int number = 0;
        CHECK(rondo_sigwait(&set, &number) == 0);
        taken.store(number);
    });
    waiter.await_parked();
    kill(getpid(), SIGTERM);
    waiter.join();
    CHECK(taken.load() == SIGTERM);
}

TEST_CASE("many signals, each taken once") {
    Blocked blocked({SIGRTMIN + 2});
    constexpr int kSignals = 200;
    std::atomic<int> sum{0};
    std::atomic<int> count_of_taken{0};
    auto take = [&] {
        sigset_t set = set_of({SIGRTMIN + 2, SIGRTMIN + 3});
        siginfo_t info;
        while (rondo_sigwaitinfo(&set, &info) == SIGRTMIN + 2 && info.si_value.sival_int >= 0) {
            sum.fetch_add(info.si_value.sival_int);
            count_of_taken.fetch_add(1);
        }
    };
    std::vector<Thread> takers;
    for (int i = 0; i < 3; ++i) takers.emplace_back(take);
    for (int i = 0; i < kSignals; ++i) {
        sigval value{};
        value.sival_int = i;
        REQUIRE(sigqueue(getpid(), SIGRTMIN + 2, value) == 0);
    }
    CHECK(eventually([&] { return count_of_taken.load() == kSignals; }));
    for (size_t i = 0; i < takers.size(); ++i) {
        sigval value{};
        value.sival_int = -1;
        REQUIRE(sigqueue(getpid(), SIGRTMIN + 2, value) == 0);
    }
    for (Thread& taker : takers) taker.join();
    CHECK(sum.load() == kSignals * (kSignals - 1) / 2);
}

TEST_CASE("sigtimedwait takes what is pending, and gives up") {
    Thread thread([] {
        Blocked blocked({SIGUSR1});
        sigset_t set = set_of({SIGUSR1});
        timespec none{0, 0};
        timespec little{0, 5'000'000};
        CHECK(rondo_sigtimedwait(&set, nullptr, &none) == -1);
        CHECK(errno == EAGAIN);
        CHECK(rondo_sigtimedwait(&set, nullptr, &little) == -1);
        CHECK(errno == EAGAIN);
        rondo_raise(SIGUSR1);
        siginfo_t info;
        CHECK(rondo_sigtimedwait(&set, &info, &none) == SIGUSR1);
        CHECK(info.si_signo == SIGUSR1);
        CHECK(info.si_pid == getpid());
    });
    thread.join();
}

TEST_CASE("another signal's handler ends sigwaitinfo and not sigwait") {
    Action action(SIGUSR2, count, SA_RESTART);
    Blocked blocked({SIGUSR1});
    std::atomic<int> step{0};
    Thread thread([&] {
        sigset_t set = set_of({SIGUSR1});
        int result = rondo_sigwaitinfo(&set, nullptr);
        CHECK(result == -1);
        CHECK(errno == EINTR);
        step.store(1);
        int number = 0;
        CHECK(rondo_sigwait(&set, &number) == 0);
        CHECK(number == SIGUSR1);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR2);
    REQUIRE(eventually([&] { return step.load() == 1; }));
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR2);
    expect_handled(2);
    rondo_kill(thread.id(), SIGUSR1);
    thread.join();
}

TEST_CASE("sigsuspend lets signals through for its own time") {
    Thread thread([] {
        Action action(SIGUSR1);
        Blocked blocked({SIGUSR1});
        rondo_raise(SIGUSR1);
        CHECK(handled.load() == 0);
        CHECK(rondo_sigsuspend(&blocked.before()) == -1);
        CHECK(errno == EINTR);
        CHECK(handled.load() == 1);
        sigset_t mask;
        rondo_sigmask(SIG_BLOCK, nullptr, &mask);
        CHECK(sigismember(&mask, SIGUSR1) == 1);
    });
    thread.join();
}

TEST_CASE("pause returns when a handler has run") {
    Action action(SIGUSR1, count, SA_RESTART);
    Thread thread([] {
        CHECK(rondo_pause() == -1);
        CHECK(errno == EINTR);
        CHECK(handled.load() == 1);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR1);
    thread.join();
}

TEST_CASE("waits for signals can be cancelled") {
    sigset_t set = set_of({SIGUSR1});
    Thread first([&] {
        int number;
        rondo_sigwait(&set, &number);
    });
    Thread second([] { rondo_pause(); });
    Thread third([&] { rondo_sigsuspend(&set); });
    for (Thread* thread : {&first, &second, &third}) {
        thread->await_parked();
        thread->cancel();
        CHECK(thread->join() == RONDO_CANCELED);
    }
}
