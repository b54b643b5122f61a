// SPDX-License-Identifier: Apache-2.0
//
// What every test file includes: doctest, and helpers that a test of threads and sockets needs.
//
// Helpers use the C API of rondo.h where they must not block the worker (wait_until yields), and plain system
// calls where the test is about to hand a descriptor to the API. Each wait has a deadline; none sleeps to
// synchronise. The process as a whole is watched by main.cpp: a hang dumps all threads and aborts, and what
// is still alive at the end (threads, stacks, timers, operations) fails the run.
//
// A case that cannot run says so with RONDO_SKIP_IF; the runner counts it and holds the reason to be given.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <rondo/rondo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/callable.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RONDO_TEST_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define RONDO_TEST_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RONDO_TEST_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define RONDO_TEST_TSAN 1
#endif

namespace rondo_test {

#ifdef RONDO_TEST_ASAN
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif
#ifdef RONDO_TEST_TSAN
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif
constexpr bool kSanitized = kAddressSanitizer || kThreadSanitizer;

// Marks the running case as not executed.
void skip(const char* reason);

// CLOCK_MONOTONIC in nanoseconds.
int64_t now_ns();
// An absolute time on the clock, this many milliseconds from now (negative: in the past).
timespec after_ms(long milliseconds, clockid_t clock = CLOCK_REALTIME);
// Yields until the condition holds; false if it does not within the time.
bool wait_until(CallRef<bool()> condition, long milliseconds = 10000);

// Runs body(0) … body(count - 1), each on a Rondo thread of its own, and joins them all.
void run_threads(int count, CallRef<void(int)> body);
// A Rondo thread that runs a closure; joined by the destructor unless join() was called.
class Thread {
   public:
    template <class Body>
    explicit Thread(Body body) : task_(std::move(body)) {
        start();
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    ~Thread();
    void* join();
    rondo_t id() const { return id_; }

   private:
    void start();

    Task task_;
    rondo_t id_{};
    bool joined_ = false;
};

// A descriptor closed by its destructor, through rondo_close.
class Fd {
   public:
    explicit Fd(int fd = -1) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept;
    ~Fd() { reset(); }
    int get() const { return fd_; }
    int release();
    void reset();

   private:
    int fd_;
};

// A TCP socket that listens on 127.0.0.1, and the port the kernel chose.
struct Listener {
    Fd fd;
    uint16_t port;
};
Listener listen_tcp(int backlog = 128);
sockaddr_in loopback(uint16_t port);

// Both ends of a connection on 127.0.0.1, made by plain system calls.
struct Connection {
    Fd client;
    Fd server;
};
Connection connect_tcp();
Connection connect_unix(int type = SOCK_STREAM);

// Runs body in a forked child and returns its wait status; the child's standard error goes to *errors if
// given.
int run_child(CallRef<void()> body, std::string* errors = nullptr);

}  // namespace rondo_test

#define RONDO_SKIP_IF(condition, reason) \
    do {                                 \
        if (condition) {                 \
            rondo_test::skip(reason);    \
            return;                      \
        }                                \
    } while (0)
#define RONDO_SKIP_UNDER_TSAN(reason) RONDO_SKIP_IF(rondo_test::kThreadSanitizer, reason)
#define RONDO_SKIP_UNDER_ASAN(reason) RONDO_SKIP_IF(rondo_test::kAddressSanitizer, reason)
