// SPDX-License-Identifier: Apache-2.0
//
// The helpers of test.h.
//
// A failed set-up call (socket, bind, fork) ends the case through REQUIRE, with errno in the message.
// Everything here runs on whichever thread calls it, and keeps no state of its own.
#include <signal.h>

#include "support/test.h"

namespace rondo_test {

namespace {

constexpr int64_t kNsPerMs = 1000000;
constexpr int64_t kNsPerSec = 1000000000;

void require_ok(long result, const char* what) {
    int error = errno;
    REQUIRE_MESSAGE(result >= 0, what, ": ", strerror(error));
}

void* run_task(void* task) { return (*static_cast<Task*>(task))(); }

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
    return text;
}

}  // namespace

int64_t now_ns() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * kNsPerSec + time.tv_nsec;
}

timespec after_ms(long milliseconds, clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    int64_t ns = time.tv_sec * kNsPerSec + time.tv_nsec + milliseconds * kNsPerMs;
    return {static_cast<time_t>(ns / kNsPerSec), static_cast<long>(ns % kNsPerSec)};
}

bool wait_until(CallRef<bool()> condition, long milliseconds) {
    int64_t deadline = now_ns() + milliseconds * kNsPerMs * (kSanitized ? 3 : 1);
    while (!condition()) {
        if (now_ns() > deadline) return false;
        rondo_yield();
    }
    return true;
}

void run_threads(int count, CallRef<void(int)> body) {
    std::vector<Task> tasks;
    tasks.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) tasks.emplace_back([body, i] { body(i); });
    std::vector<rondo_t> threads;
    int error = 0;
    for (Task& task : tasks) {
        rondo_t thread{};
        error = rondo_create(&thread, nullptr, run_task, &task);
        if (error != 0) break;
        threads.push_back(thread);
    }
    for (rondo_t thread : threads) CHECK(rondo_join(thread, nullptr) == 0);
    REQUIRE_MESSAGE(error == 0, "rondo_create: ", strerror(error));
}

void Thread::start() {
    int error = rondo_create(&id_, nullptr, run_task, &task_);
    joined_ = error != 0;
    REQUIRE_MESSAGE(error == 0, "rondo_create: ", strerror(error));
}

Thread::~Thread() {
    if (!joined_) rondo_join(id_, nullptr);
}

void* Thread::join() {
    void* result = nullptr;
    joined_ = true;
    CHECK(rondo_join(id_, &result) == 0);
    return result;
}

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = other.release();
    }
    return *this;
}

int Fd::release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
}

void Fd::reset() {
    int fd = release();
    if (fd >= 0) rondo_close(fd);
}

sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

Listener listen_tcp(int backlog) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    require_ok(fd.get(), "socket");
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    require_ok(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
    require_ok(listen(fd.get(), backlog), "listen");
    require_ok(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    return {std::move(fd), ntohs(address.sin_port)};
}

Connection connect_tcp() {
    Listener listener = listen_tcp();
    sockaddr_in address = loopback(listener.port);
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    require_ok(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
    Fd server(accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    require_ok(server.get(), "accept4");
    return {std::move(client), std::move(server)};
}

Connection connect_unix(int type) {
    int pair[2] = {-1, -1};
    require_ok(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), "socketpair");
    return {Fd(pair[0]), Fd(pair[1])};
}

int run_child(CallRef<void()> body, std::string* errors) {
    int ends[2] = {-1, -1};
    require_ok(pipe2(ends, O_CLOEXEC), "pipe2");
    fflush(nullptr);
    pid_t child = fork();
    require_ok(child, "fork");
    if (child == 0) {
        for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT}) ::signal(signal, SIG_DFL);
        unsetenv("RONDO_TEST_REPORT");
        alarm(kSanitized ? 60 : 20);
        dup2(ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(ends[1]);
    std::string text = read_all(ends[0]);
    close(ends[0]);
    int status = 0;
    require_ok(waitpid(child, &status, 0), "waitpid");
    if (errors != nullptr) *errors = text;
    return status;
}

}  // namespace rondo_test
