// SPDX-License-Identifier: Apache-2.0
//
// The C++ library's threads, which are pthreads underneath: thread, mutex, shared_mutex, condition_variable, call_once;
// exceptions that are in flight while their thread is parked; and destructors run by pthread_exit and by
// pthread_cancel.
#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "expect.h"

namespace {

constexpr int kThreads = 20;
constexpr int kRounds = 50;

void test_mutexes() {
    std::mutex mutex;
    std::shared_timed_mutex shared;
    std::once_flag once;
    int counter = 0, onces = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            std::call_once(once, [&] { ++onces; });
            for (int round = 0; round < kRounds; ++round) {
                std::lock_guard lock(mutex);
                std::shared_lock reading(shared, std::chrono::seconds(30));
                EXPECT(reading.owns_lock());
                int seen = counter;
                std::this_thread::yield();
                counter = seen + 1;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT(counter == kThreads * kRounds && onces == 1);
    std::unique_lock writing(shared, std::chrono::milliseconds(1));
    EXPECT(writing.owns_lock());
    pass("mutexes");
}

void test_condition() {
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    auto play = [&](int side) {
        for (int i = 0; i < kRounds; ++i) {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return turn % 2 == side; });
            ++turn;
            changed.notify_one();
        }
    };
    std::thread other(play, 1);
    play(0);
    other.join();
    EXPECT(turn == 2 * kRounds);
    std::unique_lock lock(mutex);
    EXPECT(!changed.wait_for(lock, std::chrono::milliseconds(5), [] { return false; }));
    pass("condition");
}

// Each thread is parked inside a catch block, and rethrows what it caught when the others have caught theirs.
std::string catch_across_a_park(int number, pthread_barrier_t* barrier) {
    try {
        try {
            throw std::runtime_error("exception " + std::to_string(number));
        } catch (const std::exception&) {
            pthread_barrier_wait(barrier);
            std::this_thread::sleep_for(std::chrono::milliseconds(number % 3));
            throw;
        }
    } catch (const std::exception& caught) {
        pthread_barrier_wait(barrier);
        return caught.what();
    }
}

void test_exceptions() {
    pthread_barrier_t barrier;
    EXPECT(pthread_barrier_init(&barrier, nullptr, kThreads) == 0);
    std::vector<std::thread> threads;
    std::vector<std::string> texts(kThreads);
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&, i] { texts[static_cast<size_t>(i)] = catch_across_a_park(i, &barrier); });
    }
    for (auto& thread : threads) thread.join();
    for (int i = 0; i < kThreads; ++i) {
        EXPECT(texts[static_cast<size_t>(i)] == "exception " + std::to_string(i));
    }
    pthread_barrier_destroy(&barrier);
    pass("exceptions");
}

struct Note {
    ~Note() { *text += name; }
    std::string* text;
    const char* name;
};

struct Ending {
    std::string text;
    pthread_barrier_t ready;
};

void* exit_inside(void* arg) {
    auto* ending = static_cast<Ending*>(arg);
    Note outer{&ending->text, " outer"};
    Note inner{&ending->text, " inner"};
    pthread_exit(nullptr);
}

void* be_cancelled(void* arg) {
    auto* ending = static_cast<Ending*>(arg);
    Note outer{&ending->text, " cancelled"};
    pthread_barrier_wait(&ending->ready);
    while (true) sleep(3600);
}

void test_endings() {
    Ending ending;
    pthread_t thread;
    void* result = nullptr;
    EXPECT(pthread_barrier_init(&ending.ready, nullptr, 2) == 0);
    EXPECT(pthread_create(&thread, nullptr, exit_inside, &ending) == 0 && pthread_join(thread, nullptr) == 0);
    EXPECT(ending.text == " inner outer");
    EXPECT(pthread_create(&thread, nullptr, be_cancelled, &ending) == 0);
    pthread_barrier_wait(&ending.ready);
    EXPECT(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    EXPECT(result == PTHREAD_CANCELED && ending.text == " inner outer cancelled");
    pthread_barrier_destroy(&ending.ready);
    pass("endings");
}

}  // namespace

int main() {
    test_mutexes();
    test_condition();
    test_exceptions();
    test_endings();
    return 0;
}
