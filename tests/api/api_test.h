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

[[noreturn]] inline void stalled(const char* what) {
    fprintf(stderr, "stalled: %s did not end within %d s\n", what, kStallSeconds);
    rondo_dump(2);
    abort();
}

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
    explicit Thread(Body body, const rondo_attr_t* attr = nullptr) : state_(std::make_unique<State>()) {
        state_->body = wrap(std::move(body));
        state_->name = "t" + std::to_string(next_number_.fetch_add(1)) + ".";
        int rc = rondo_create(&id_, attr, run, state_.get());
        if (rc != 0) {
            fprintf(stderr, "rondo_create: %s\n", strerror(rc));
            abort();
        }
        rondo_setname_np(id_, state_->name.c_str());
    }
    Thread(Thread&& other) noexcept
        : id_(other.id_), joined_(std::exchange(other.joined_, true)), state_(std::move(other.state_)) {}
    Thread& operator=(Thread&&) = delete;
    ~Thread() {
        if (!joined_) join();
    }

    void* join() {
        void* result = nullptr;
        timespec limit = deadline_in(CLOCK_MONOTONIC, kStallSeconds * 1000);
        int rc = rondo_clockjoin_np(id_, &result, CLOCK_MONOTONIC, &limit);
        if (rc == ETIMEDOUT) stalled(state_->name.c_str());
        CHECK(rc == 0);
        joined_ = true;
        return result;
    }
    // For tests that join or detach by hand.
    rondo_t release() {
        joined_ = true;
        return id_;
    }
    rondo_t id() const { return id_; }
    void cancel() { CHECK(rondo_cancel(id_) == 0); }
    void await_parked() const {
        if (!eventually([this] { return parked(); })) stalled(state_->name.c_str());
    }

   private:
    struct State {
        std::function<void*()> body;
        std::string name;
        std::atomic<int> kernel_id{0};
    };

    template <class Body>
    static std::function<void*()> wrap(Body body) {
        if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
            return [body = std::move(body)]() mutable -> void* {
                body();
                return nullptr;
            };
        } else {
            return std::function<void*()>(std::move(body));
        }
    }

    static void* run(void* arg) {
        auto* state = static_cast<State*>(arg);
        state->kernel_id.store(gettid());
        return state->body();
    }

    static std::string read_all(int fd) {
        std::string text;
        char chunk[4096];
        ssize_t got;
        while ((got = pread(fd, chunk, sizeof chunk, static_cast<off_t>(text.size()))) > 0) {
            text.append(chunk, static_cast<size_t>(got));
        }
        return text;
    }

    bool parked() const { return kNptl ? parked_in_kernel() : parked_in_dump(); }

    bool parked_in_kernel() const {
        std::string path = "/proc/self/task/" + std::to_string(state_->kernel_id.load()) + "/stat";
        int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return false;
        std::string text = read_all(fd);
        ::close(fd);
        return text.find(") S ") != std::string::npos;
    }

    bool parked_in_dump() const {
        static const int fd = memfd_create("dump", MFD_CLOEXEC);
        if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) return false;
        rondo_dump(fd);
        std::string text = read_all(fd);
        size_t at = text.find(state_->name);
        if (at == std::string::npos) return false;
        std::string line = text.substr(at, text.find('\n', at) - at);
        return line.find("parked on ") != std::string::npos;
    }

    inline static std::atomic<int> next_number_{0};
    rondo_t id_{};
    bool joined_ = false;
    std::unique_ptr<State> state_;
};

// A kernel thread that is no worker. join() parks the caller first, so that its worker stays free for the others.
class ForeignThread {
   public:
    template <class Body>
    explicit ForeignThread(Body body) {
        rondo_sem_init(&done_, 0, 0);
        thread_ = std::thread([this, body = std::move(body)]() mutable {
            body();
            rondo_sem_post(&done_);
        });
    }
    ForeignThread(const ForeignThread&) = delete;
    ForeignThread& operator=(const ForeignThread&) = delete;
    ~ForeignThread() { join(); }
    void join() {
        if (!thread_.joinable()) return;
        timespec limit = deadline_in(CLOCK_MONOTONIC, kStallSeconds * 1000);
        if (rondo_sem_clockwait(&done_, CLOCK_MONOTONIC, &limit) != 0) stalled("a foreign kernel thread");
        thread_.join();
        rondo_sem_destroy(&done_);
    }

   private:
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
