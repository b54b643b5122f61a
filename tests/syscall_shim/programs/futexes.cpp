// SPDX-License-Identifier: Apache-2.0
//
// What the C++ library builds on syscall(SYS_futex): future, atomic waits, latch, barrier, semaphore, guards of local
// statics. In each part a thread waits for something that only another thread brings about, so a wait that kept the
// worker would never end: alarm() ends the program then. Usage: futexes [without-guards]
#include <sys/syscall.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <future>
#include <latch>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "expect.h"

namespace {

constexpr int kThreads = 8;
constexpr int kRounds = 200;

void test_future() {
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    std::thread giver([&promise] { promise.set_value(17); });
    EXPECT(future.get() == 17);
    giver.join();
    auto thrower = std::async(std::launch::async, []() -> int { throw std::runtime_error("thrown"); });
    std::string text;
    try {
        thrower.get();
    } catch (const std::runtime_error& error) {
        text = error.what();
    }
    EXPECT(text == "thrown");
    std::promise<void> never;
    EXPECT(never.get_future().wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout);
    pass("future");
}

template <typename T>
void take_turns() {
    std::atomic<T> turn{0};
    auto play = [&turn](T own) {
        for (int i = 0; i < kRounds; ++i) {
            for (T seen; (seen = turn.load()) != own;) turn.wait(seen);
            turn.store(static_cast<T>(1 - own));
            turn.notify_one();
        }
    };
    std::thread other(play, T{1});
    play(0);
    other.join();
    EXPECT(turn == 0);
}

void test_atomic() {
    take_turns<int>();
    take_turns<long>();
    take_turns<unsigned char>();
    std::atomic<bool> open{false};
    std::atomic<int> through{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            open.wait(false);
            through.fetch_add(1);
        });
    }
    open = true;
    open.notify_all();
    for (auto& thread : threads) thread.join();
    EXPECT(through == kThreads);
    pass("atomic");
}

void test_latch_and_barrier() {
    std::latch arrived(kThreads);
    std::latch go(1);
    int sum = 0, phases = 0;
    std::barrier phase(kThreads, [&phases]() noexcept { ++phases; });
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] {
            arrived.count_down();
            go.wait();
            for (int round = 0; round < 20; ++round) {
                if (round % kThreads == i) sum += round;
                phase.arrive_and_wait();
            }
        });
    }
    arrived.wait();
    go.count_down();
    for (auto& thread : threads) thread.join();
    EXPECT(phases == 20 && sum == 190);
    pass("latch and barrier");
}

void test_semaphore() {
    std::counting_semaphore<kThreads> places(2);
    std::binary_semaphore done(0);
    std::atomic<int> inside{0}, most{0}, left{kThreads};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            places.acquire();
            int now = inside.fetch_add(1) + 1;
            if (now > most) most = now;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            inside.fetch_sub(1);
            places.release();
            if (left.fetch_sub(1) == 1) done.release();
        });
    }
    done.acquire();
    EXPECT(inside == 0 && most >= 1 && most <= 2);
    EXPECT(!done.try_acquire_for(std::chrono::milliseconds(2)));
    for (auto& thread : threads) thread.join();
    pass("semaphore");
}

std::atomic<int> made{0};

struct Slow {
    Slow() {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        value = ++made;
    }
    int value = 0;
};

int local_static() {
    static Slow slow;
    return slow.value;
}

void test_local_static() {
    std::vector<std::thread> threads;
    std::atomic<int> sum{0};
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&sum] { sum += local_static(); });
    for (auto& thread : threads) thread.join();
    EXPECT(made == 1 && sum == kThreads);
    pass("local static");
}

void test_calls_by_number() {
    int ends[2], others[2];
    EXPECT(syscall(SYS_pipe2, ends, 0) == 0 && syscall(SYS_pipe, others) == 0);
    char text[8] = "";
    std::thread echo([&] {
        char byte[1];
        EXPECT(syscall(SYS_read, ends[0], byte, sizeof byte) == 1);
        EXPECT(syscall(SYS_write, others[1], byte, sizeof byte) == 1);
    });
    EXPECT(syscall(SYS_write, ends[1], "x", 1) == 1);
    EXPECT(syscall(SYS_read, others[0], text, sizeof text) == 1 && text[0] == 'x');
    echo.join();
    timespec moment{0, 1'000'000}, wrong{0, -1};
    EXPECT(syscall(SYS_nanosleep, &moment, nullptr) == 0);
    EXPECT(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, nullptr) == -1 && errno == EINVAL);
    EXPECT(syscall(SYS_getpid) == getpid());
    for (int fd : {ends[0], ends[1], others[0], others[1]}) EXPECT(syscall(SYS_close, fd) == 0);
    EXPECT(syscall(SYS_read, ends[0], text, 1) == -1 && errno == EBADF);
    EXPECT(syscall(100'000) == -1 && errno == ENOSYS);
    EXPECT(syscall(-1) == -1 && errno == ENOSYS);
    pass("calls by number");
}

}  // namespace

int main(int argc, char** argv) {
    bool guards = argc < 2 || std::string(argv[1]) != "without-guards";
    alarm(50);
    test_future();
    test_atomic();
    test_latch_and_barrier();
    test_semaphore();
    if (guards) test_local_static();
    test_calls_by_number();
    return 0;
}
