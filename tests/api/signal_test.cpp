// SPDX-License-Identifier: Apache-2.0
//
// Sending and handling: to the caller, to another thread, to the process; masks of each thread, what is pending, the
// flags of an action. Signals to the process are sent while the other threads of the test block them, for the kernel
// may otherwise choose any.

#include "api/signal_support.h"

using namespace rondo::api_test;

TEST_CASE("a signal to the caller is handled before the call returns") {
    Thread thread([] {
        Action action(SIGUSR1);
        CHECK(rondo_raise(SIGUSR1) == 0);
        CHECK(handled.load() == 1);
        CHECK(rondo_kill(rondo_self(), SIGUSR1) == 0);
        CHECK(handled.load() == 2);
        CHECK(rondo_equal(handled_on.load(), rondo_self()) != 0);
    });
    thread.join();
}

TEST_CASE("a signal to a thread is handled on it") {
    Action action(SIGUSR1, count, SA_RESTART);
    rondo_sem_t hold;
    rondo_sem_init(&hold, 0, 0);
    Thread parked([&] { rondo_sem_wait(&hold); });
    parked.await_parked();
    CHECK(rondo_kill(parked.id(), SIGUSR1) == 0);
    expect_handled(1);
    CHECK(rondo_equal(handled_on.load(), parked.id()) != 0);
    rondo_sem_post(&hold);
}

TEST_CASE("a signal reaches a thread that computes") {
    const char* workers = getenv("RONDO_WORKERS");
    RONDO_SKIP_IF(!kNptl && workers != nullptr && atoi(workers) == 1, "on one worker nobody else runs meanwhile");
    Action action(SIGUSR1);
    std::atomic<bool> runs{false};
    Thread computing([&] {
        runs.store(true);
        while (handled.load() == 0) {
        }
    });
    REQUIRE(eventually([&] { return runs.load(); }));
    CHECK(rondo_kill(computing.id(), SIGUSR1) == 0);
    computing.join();
    CHECK(rondo_equal(handled_on.load(), computing.id()) != 0);
}

TEST_CASE("each of several signals reaches a thread that computes all the time") {
    const char* workers = getenv("RONDO_WORKERS");
    RONDO_SKIP_IF(!kNptl && workers != nullptr && atoi(workers) == 1, "on one worker nobody else runs meanwhile");
    constexpr int kSignals = 20;
    Action action(SIGUSR1);
    std::atomic<bool> runs{false};
    Thread computing([&] {
        runs.store(true);
        while (handled.load() < kSignals) {
        }
    });
    REQUIRE(eventually([&] { return runs.load(); }));
    for (int i = 1; i <= kSignals; ++i) {
        CHECK(rondo_kill(computing.id(), SIGUSR1) == 0);
        expect_handled(i);
    }
}

TEST_CASE("a process's signal reaches a thread that computes while main waits") {
    Action action(SIGALRM);
    Thread computing([] {
        itimerval once{{0, 0}, {0, 20'000}};
        setitimer(ITIMER_REAL, &once, nullptr);
        while (handled.load() == 0) {
        }
    });
    computing.join();
    CHECK(handled.load() == 1);
}

TEST_CASE("a blocked signal waits") {
    Thread thread([] {
        Action action(SIGUSR1);
        Blocked blocked({SIGUSR1});
        rondo_raise(SIGUSR1);
        rondo_raise(SIGUSR1);
        CHECK(handled.load() == 0);
        sigset_t pending;
        CHECK(rondo_sigpending(&pending) == 0);
        CHECK(sigismember(&pending, SIGUSR1) == 1);
        CHECK(sigismember(&pending, SIGUSR2) == 0);
        blocked.lift();
        CHECK(handled.load() == 1);  // an ordinary signal that is pending already is not queued again
    });
    thread.join();
}

TEST_CASE("a signal to the process waits until a thread lets it through") {
    Action action(SIGUSR2);
    Blocked blocked({SIGUSR2});
    Thread other([] {
        kill(getpid(), SIGUSR2);
        CHECK(handled.load() == 0);
    });
    other.join();
    Thread taker([] {
        sigset_t set = set_of({SIGUSR2});
        rondo_sigmask(SIG_UNBLOCK, &set, nullptr);
        expect_handled(1);
        CHECK(rondo_equal(handled_on.load(), rondo_self()) != 0);
    });
    taker.join();
}

TEST_CASE("a thread inherits its creator's mask and has its own from then on") {
    Blocked blocked({SIGUSR1});
    Thread thread([] {
        sigset_t mask;
        rondo_sigmask(SIG_BLOCK, nullptr, &mask);
        CHECK(sigismember(&mask, SIGUSR1) == 1);
        CHECK(sigismember(&mask, SIGUSR2) == 0);
        sigset_t set = set_of({SIGUSR2});
        CHECK(rondo_sigprocmask(SIG_SETMASK, &set, nullptr) == 0);
    });
    thread.join();
    sigset_t mask;
    rondo_sigmask(SIG_BLOCK, nullptr, &mask);
    CHECK(sigismember(&mask, SIGUSR1) == 1);
    CHECK(sigismember(&mask, SIGUSR2) == 0);
}

TEST_CASE("real-time signals queue, in order, with their values") {
    static std::vector<int> order;
    order.clear();
    auto note = [](int number, siginfo_t* info, void*) { order.push_back(number * 100 + info->si_value.sival_int); };
    Thread thread([&] {
        int first = SIGRTMIN + 1;
        Action one(first, note);
        Action two(first + 1, note);
        Blocked blocked({first, first + 1});
        for (int i = 0; i < 3; ++i) {
            sigval value{};
            value.sival_int = i;
            CHECK(rondo_sigqueue(rondo_self(), first + 1, value) == 0);
            CHECK(rondo_sigqueue(rondo_self(), first, value) == 0);
        }
        blocked.lift();
        // Which number comes first is not told: Linux nests their frames.
        for (int number : {first, first + 1}) {
            std::vector<int> of_number;
            for (int each : order) {
                if (each / 100 == number) of_number.push_back(each % 100);
            }
            CHECK(of_number == std::vector<int>{0, 1, 2});
        }
    });
    thread.join();
}

TEST_CASE("while a handler runs its signal and sa_mask are blocked") {
    static sigset_t inside;
    Thread thread([] {
        struct sigaction action {};
        struct sigaction before {};
        action.sa_handler = [](int) { rondo_sigmask(SIG_BLOCK, nullptr, &inside); };
        action.sa_mask = set_of({SIGUSR2});
        REQUIRE(rondo_sigaction(SIGUSR1, &action, &before) == 0);
        rondo_raise(SIGUSR1);
        CHECK(sigismember(&inside, SIGUSR1) == 1);
        CHECK(sigismember(&inside, SIGUSR2) == 1);
        CHECK(sigismember(&inside, SIGINT) == 0);
        sigset_t after;
        rondo_sigmask(SIG_BLOCK, nullptr, &after);
        CHECK(sigismember(&after, SIGUSR1) == 0);
        CHECK(sigismember(&after, SIGUSR2) == 0);
        struct sigaction seen {};
        CHECK(rondo_sigaction(SIGUSR1, nullptr, &seen) == 0);
        CHECK((seen.sa_handler == action.sa_handler));
        CHECK(sigismember(&seen.sa_mask, SIGUSR2) == 1);
        rondo_sigaction(SIGUSR1, &before, nullptr);
    });
    thread.join();
}

TEST_CASE("a one-shot action is reset before its handler runs") {
    Thread thread([] {
        Action action(SIGURG, count, static_cast<int>(SA_RESETHAND));
        rondo_raise(SIGURG);
        rondo_raise(SIGURG);
        CHECK(handled.load() == 1);
        struct sigaction seen {};
        rondo_sigaction(SIGURG, nullptr, &seen);
        CHECK((seen.sa_handler == SIG_DFL));
    });
    thread.join();
}

TEST_CASE("a handler may park") {
    static rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    Action action(SIGUSR1, [](int) {
        while (rondo_sem_wait(&sem) != 0) {
        }
        count(0);
    });
    Thread target([] { rondo_raise(SIGUSR1); });
    target.await_parked();
    CHECK(handled.load() == 0);
    rondo_sem_post(&sem);
    target.join();
    CHECK(handled.load() == 1);
}

TEST_CASE("writing to a pipe that nobody reads") {
    Action action(SIGPIPE);
    Thread thread([] {
        int ends[2];
        REQUIRE(rondo_pipe(ends) == 0);
        rondo_close(ends[0]);
        CHECK(rondo_write(ends[1], "x", 1) == -1);
        CHECK(errno == EPIPE);
        CHECK(handled.load() == 1);
        CHECK(rondo_equal(handled_on.load(), rondo_self()) != 0);
        Blocked blocked({SIGPIPE});
        CHECK(rondo_write(ends[1], "x", 1) == -1);
        CHECK(handled.load() == 1);
        blocked.lift();
        CHECK(handled.load() == 2);
        rondo_close(ends[1]);
    });
    thread.join();
}

TEST_CASE("a writer that waits is told that nobody reads any more") {
    Action action(SIGPIPE);
    int pair[2];
    REQUIRE(rondo_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    Thread writer([&] {
        static char much[1 << 20];
        ssize_t written = rondo_write(pair[0], much, sizeof much);
        CHECK(written > 0);
        CHECK(rondo_write(pair[0], much, sizeof much) == -1);
    });
    writer.await_parked();
    rondo_close(pair[1]);
    writer.join();
    CHECK(handled.load() >= 1);
    rondo_close(pair[0]);
}

TEST_CASE("what is no signal or no thread is refused") {
    Thread thread([] {
        CHECK(rondo_kill(rondo_self(), 0) == 0);
        CHECK(rondo_kill(rondo_self(), 65) == EINVAL);
        struct sigaction action {};
        CHECK(rondo_sigaction(SIGKILL, &action, nullptr) == -1);
        CHECK(errno == EINVAL);
        CHECK(rondo_sigaction(65, &action, nullptr) == -1);
        sigset_t set = set_of({SIGUSR1});
        CHECK(rondo_sigmask(17, &set, nullptr) == EINVAL);
    });
    thread.join();
}
