// SPDX-License-Identifier: Apache-2.0
//
// Which calls a handler ends with EINTR, and which go on: as Linux has it (signal(7)).

#include <poll.h>

#include "api/signal_support.h"

using namespace rondo::api_test;

namespace {

// Sends the thread a signal while it waits in `call`, and then ends its wait by `finish`, if it has not failed.
// Returns what the call returned: errno for -1.
template <class Call, class Finish>
int interrupt(int flags, Call call, Finish finish) {
    Action action(SIGUSR1, count, flags);
    std::atomic<int> result{-1};
    Thread thread([&] { result.store(call()); });
    thread.await_parked();
    REQUIRE(rondo_kill(thread.id(), SIGUSR1) == 0);
    expect_handled(1);
    if ((flags & SA_RESTART) != 0) {
        thread.await_parked();
        finish();
    }
    thread.join();
    return result.load();
}

int errno_of(long result) { return result == -1 ? errno : 0; }

struct Pair {
    Pair() { REQUIRE(rondo_socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
    ~Pair() {
        rondo_close(ends[0]);
        rondo_close(ends[1]);
    }
    int ends[2];
};

}  // namespace

TEST_CASE("reading fails without SA_RESTART and goes on with it") {
    Pair pair;
    char byte;
    auto call = [&] { return errno_of(rondo_read(pair.ends[0], &byte, 1)); };
    auto finish = [&] { CHECK(rondo_write(pair.ends[1], "x", 1) == 1); };
    CHECK(interrupt(0, call, finish) == EINTR);
    CHECK(interrupt(SA_RESTART, call, finish) == 0);
    auto receive = [&] { return errno_of(rondo_recv(pair.ends[0], &byte, 1, 0)); };
    CHECK(interrupt(0, receive, finish) == EINTR);
    CHECK(interrupt(SA_RESTART, receive, finish) == 0);
}

TEST_CASE("a socket with a timeout is never restarted") {
    Pair pair;
    timeval limit{20, 0};
    REQUIRE(rondo_setsockopt(pair.ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    Action action(SIGUSR1, count, SA_RESTART);
    Thread thread([&] {
        char byte;
        CHECK(rondo_recv(pair.ends[0], &byte, 1, 0) == -1);
        CHECK(errno == EINTR);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR1);
    thread.join();
}

TEST_CASE("accept fails without SA_RESTART and goes on with it") {
    rondo_test::Listener listener = rondo_test::listen_tcp();
    sockaddr_in address = rondo_test::loopback(listener.port);
    auto call = [&] {
        int fd = rondo_accept(listener.fd.get(), nullptr, nullptr);
        int error = errno_of(fd);
        if (fd >= 0) rondo_close(fd);
        return error;
    };
    auto finish = [&] {
        int fd = rondo_socket(AF_INET, SOCK_STREAM, 0);
        CHECK(rondo_connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        rondo_close(fd);
    };
    CHECK(interrupt(0, call, finish) == EINTR);
    CHECK(interrupt(SA_RESTART, call, finish) == 0);
}

TEST_CASE("what was moved before the signal is told") {
    Pair pair;
    Action action(SIGUSR1);
    Thread reader([&] {
        char bytes[8];
        CHECK(rondo_recv(pair.ends[0], bytes, sizeof bytes, MSG_WAITALL) == 3);
    });
    CHECK(rondo_write(pair.ends[1], "abc", 3) == 3);
    int waiting = 1;
    REQUIRE(eventually([&] { return ioctl(pair.ends[0], FIONREAD, &waiting) == 0 && waiting == 0; }));
    reader.await_parked();
    rondo_kill(reader.id(), SIGUSR1);
    reader.join();
}

TEST_CASE("a semaphore") {
    rondo_sem_t sem;
    rondo_sem_init(&sem, 0, 0);
    auto finish = [&] { rondo_sem_post(&sem); };
    auto call = [&] { return errno_of(rondo_sem_wait(&sem)); };
    CHECK(interrupt(0, call, finish) == EINTR);
    CHECK(interrupt(SA_RESTART, call, finish) == 0);
}

TEST_CASE("sleeping is never restarted, and tells the rest") {
    Action action(SIGUSR1, count, SA_RESTART);
    Thread thread([] {
        timespec time{50, 0};
        timespec left{0, 0};
        CHECK(rondo_nanosleep(&time, &left) == -1);
        CHECK(errno == EINTR);
        CHECK(left.tv_sec >= 10);
        CHECK(left.tv_sec < 50);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR1);
    thread.join();
}

TEST_CASE("poll is never restarted") {
    Pair pair;
    Action action(SIGUSR1, count, SA_RESTART);
    Thread thread([&] {
        pollfd look[2] = {{pair.ends[0], POLLIN, 0}, {pair.ends[1], POLLIN, 0}};
        CHECK(rondo_poll(look, 2, -1) == -1);
        CHECK(errno == EINTR);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR1);
    thread.join();
}

TEST_CASE("a signal that the thread ignores or blocks interrupts nothing") {
    Pair pair;
    Action ignored(SIGUSR2, SIG_IGN);
    Action action(SIGUSR1);
    Thread thread([&] {
        Blocked blocked({SIGUSR1});
        char byte;
        CHECK(rondo_read(pair.ends[0], &byte, 1) == 1);
        CHECK(handled.load() == 0);
        blocked.lift();
        CHECK(handled.load() == 1);
    });
    thread.await_parked();
    rondo_kill(thread.id(), SIGUSR1);
    rondo_kill(thread.id(), SIGUSR2);
    CHECK(rondo_write(pair.ends[1], "x", 1) == 1);
    thread.join();
}

TEST_CASE("locks, joins and conditions know no EINTR") {
    rondo_mutex_t mutex = RONDO_MUTEX_INITIALIZER;
    rondo_mutex_lock(&mutex);
    auto unlock = [&] { rondo_mutex_unlock(&mutex); };
    CHECK(interrupt(
              SA_RESTART, [&] { return rondo_mutex_lock(&mutex); }, unlock) == 0);

    Gate gate;
    auto join = [&] {
        Thread target([&] { gate.pass(); });
        target.join();
        return 0;
    };
    CHECK(interrupt(SA_RESTART, join, [&] { gate.open(); }) == 0);

    rondo_cond_t cond = RONDO_COND_INITIALIZER;
    rondo_mutex_t guard = RONDO_MUTEX_INITIALIZER;
    bool set = false;
    auto wait = [&] {
        rondo_mutex_lock(&guard);
        int error = 0;
        while (!set && error == 0) error = rondo_cond_wait(&cond, &guard);
        rondo_mutex_unlock(&guard);
        return error;
    };
    auto signal = [&] {
        rondo_mutex_lock(&guard);
        set = true;
        rondo_cond_signal(&cond);
        rondo_mutex_unlock(&guard);
    };
    CHECK(interrupt(SA_RESTART, wait, signal) == 0);
}
