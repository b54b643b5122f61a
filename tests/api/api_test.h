// SPDX-License-Identifier: Apache-2.0
//
// What the API tests share: deadlines, a joining thread handle, and two ways to wait without sleeping.
//
// Invariants: every wait is bounded: join() gives a thread kStallSeconds, then dumps all threads and aborts, so
// a hang names its thread. A call that may be cancelled is never written inside CHECK: the framework
// catches everything there and would swallow the unwinding.
// await_parked() polls the dump (under system threads: /proc) until the thread waits inside a call;
// a sleep would only make that likely.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/test.h"

namespace rondo::api_test {

#ifdef RONDO_TEST_NPTL
inline constexpr bool kNptl = true;
#else
inline constexpr bool kNptl = false;
#endif

using rondo_test::kAddressSanitizer;
using rondo_test::kSanitized;
using rondo_test::kThreadSanitizer;
using rondo_test::Task;

inline constexpr int kStallSeconds = 30;

inline int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

inline timespec to_timespec(int64_t nanoseconds) {
    return {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
}

inline timespec deadline_in(clockid_t clock, int64_t milliseconds) {
    return to_timespec(now_ns(clock) + milliseconds * 1'000'000);
}

[[noreturn]] void stalled(const char* what);

// Yields until the condition holds; false after kStallSeconds.
template <class Condition>
bool eventually(Condition condition) {
    const int64_t limit = now_ns() + kStallSeconds * 1'000'000'000LL;
    while (!condition()) {
        if (now_ns() > limit) return false;
        rondo_yield();
    }
    return true;
}

class Thread {
   public:
    template <class Body>
    explicit Thread(Body body, const rondo_attr_t* attr = nullptr) : Thread(Task(std::move(body)), attr) {}
    explicit Thread(Task task, const rondo_attr_t* attr = nullptr);
    Thread(Thread&& other) noexcept;
    Thread& operator=(Thread&&) = delete;
    ~Thread();

    void* join();
    // For tests that join or detach by hand.
    rondo_t release();
    rondo_t id() const { return id_; }
    void cancel();
    void await_parked() const;

   private:
    struct State;
    static void* run(void* arg);
    bool parked() const { return kNptl ? parked_in_kernel() : parked_in_dump(); }
    bool parked_in_kernel() const;
    bool parked_in_dump() const;

    rondo_t id_{};
    bool joined_ = false;
    std::unique_ptr<State> state_;
};

// A kernel thread that is no worker. join() parks the caller first, so that its worker stays free for the others.
class ForeignThread {
   public:
    template <class Body>
    explicit ForeignThread(Body body) : task_(std::move(body)) {
        start();
    }
    ForeignThread(const ForeignThread&) = delete;
    ForeignThread& operator=(const ForeignThread&) = delete;
    ~ForeignThread() { join(); }
    void join();

   private:
    void start();

    Task task_;
    rondo_sem_t done_;
    std::thread thread_;
};

// One object in pages of its own; vanish() makes any late touch a fault.
template <class Object>
class OwnPage {
   public:
    OwnPage() {
        void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED) abort();
        object_ = static_cast<Object*>(at);
    }
    OwnPage(const OwnPage&) = delete;
    OwnPage& operator=(const OwnPage&) = delete;
    ~OwnPage() { munmap(static_cast<void*>(object_), kBytes); }
    void vanish() { mprotect(static_cast<void*>(object_), kBytes, PROT_NONE); }
    Object* operator->() const { return object_; }
    Object* get() const { return object_; }

   private:
    static constexpr size_t kBytes = (sizeof(Object) + 4095) & ~size_t{4095};
    Object* object_;
};

// A one-way gate that threads pass once it has been opened.
class Gate {
   public:
    void open() {
        rondo_mutex_lock(&mutex_);
        open_ = true;
        rondo_cond_broadcast(&cond_);
        rondo_mutex_unlock(&mutex_);
    }
    void pass() {
        rondo_mutex_lock(&mutex_);
        while (!open_) rondo_cond_wait(&cond_, &mutex_);
        rondo_mutex_unlock(&mutex_);
    }

   private:
    rondo_mutex_t mutex_ = RONDO_MUTEX_INITIALIZER;
    rondo_cond_t cond_ = RONDO_COND_INITIALIZER;
    bool open_ = false;
};

}  // namespace rondo::api_test
