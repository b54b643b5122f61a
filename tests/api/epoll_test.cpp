// SPDX-License-Identifier: Apache-2.0
//
// A program's own epoll sets: waiting parks the thread and leaves triggers, one-shot and exclusive registrations to the
// kernel; several threads on one set; sockets that the runtime waits on as well; sets within sets; errors.
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

Fd new_set() { return Fd(epoll_create1(EPOLL_CLOEXEC)); }

int control(const Fd& set, int what, int fd, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return epoll_ctl(set.get(), what, fd, &event);
}

// The descriptor of the one event there is, -1 for none within the time.
int next_event(int set, int timeout_ms) {
    epoll_event event{};
    int count = rondo_epoll_wait(set, &event, 1, timeout_ms);
    return count == 1 ? event.data.fd : -1;
}

}  // namespace

TEST_CASE("an endless wait parks until a member is ready") {
    Fd set = new_set();
    Connection pair = connect_tcp();
    REQUIRE(control(set, EPOLL_CTL_ADD, pair.server.get(), EPOLLIN) == 0);
    int waited = set.get();
    Call waiter([waited] { return ssize_t{next_event(waited, -1)}; });
    waiter.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(waiter.result() == pair.server.get());
}

TEST_CASE("a member that is added while a thread waits is told of") {
    Fd set = new_set();
    Connection pair = connect_unix();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    int waited = set.get();
    Call waiter([waited] { return ssize_t{next_event(waited, -1)}; });
    waiter.await_parked();
    REQUIRE(control(set, EPOLL_CTL_ADD, pair.server.get(), EPOLLIN) == 0);
    CHECK(waiter.result() == pair.server.get());
}

TEST_CASE("times of every kind end the wait, not early") {
    Fd set = new_set();
    epoll_event event;
    CHECK(rondo_epoll_wait(set.get(), &event, 1, 0) == 0);
    int64_t start = now_ns();
    CHECK(rondo_epoll_wait(set.get(), &event, 1, 20) == 0);
    CHECK(now_ns() - start >= 20'000'000);
    start = now_ns();
    CHECK(rondo_epoll_pwait(set.get(), &event, 1, 20, nullptr) == 0);
    CHECK(now_ns() - start >= 20'000'000);
    start = now_ns();
    timespec fine{0, 1'500'000};
    CHECK(rondo_epoll_pwait2(set.get(), &event, 1, &fine, nullptr) == 0);
    CHECK(now_ns() - start >= 1'500'000);
}

TEST_CASE("a level-triggered member is told again and again, an edge-triggered one once an edge") {
    Fd set = new_set();
    Connection level = connect_unix(), edge = connect_unix();
    REQUIRE(control(set, EPOLL_CTL_ADD, level.server.get(), EPOLLIN) == 0);
    CHECK(rondo_write(level.client.get(), "xx", 2) == 2);
    for (int i = 0; i < 3; ++i) CHECK(next_event(set.get(), -1) == level.server.get());
    char bytes[2];
    CHECK(rondo_read(level.server.get(), bytes, 2) == 2);
    CHECK(next_event(set.get(), 1) == -1);
    REQUIRE(control(set, EPOLL_CTL_ADD, edge.server.get(), EPOLLIN | EPOLLET) == 0);
    for (int i = 0; i < 3; ++i) {
        CHECK(rondo_write(edge.client.get(), "x", 1) == 1);
        CHECK(next_event(set.get(), -1) == edge.server.get());
        CHECK(next_event(set.get(), 1) == -1);
    }
}

TEST_CASE("a one-shot member is silent until it is armed again") {
    Fd set = new_set();
    Connection pair = connect_unix();
    int fd = pair.server.get();
    REQUIRE(control(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(next_event(set.get(), -1) == fd);
    CHECK(next_event(set.get(), 1) == -1);
    int waited = set.get();
    Call waiter([waited] { return ssize_t{next_event(waited, -1)}; });
    waiter.await_parked();
    REQUIRE(control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(waiter.result() == fd);
}

TEST_CASE("an exclusive member wakes a waiter of each kind of set") {
    Fd one = new_set(), two = new_set();
    Fd event(eventfd(0, EFD_CLOEXEC));
    for (const Fd* set : {&one, &two})
        REQUIRE(control(*set, EPOLL_CTL_ADD, event.get(), EPOLLIN | EPOLLEXCLUSIVE) == 0);
    std::atomic<int> told{0};
    std::vector<Call> waiters;
    for (int set : {one.get(), two.get()}) {
        waiters.emplace_back([set, &told] {
            int fd = next_event(set, -1);
            uint64_t count;
            told.fetch_add(rondo_read(fd, &count, sizeof count) == sizeof count);
            return ssize_t{0};
        });
    }
    for (Call& waiter : waiters) waiter.await_parked();
    for (int i = 1; i <= 2; ++i) {
        uint64_t value = 1;
        CHECK(rondo_write(event.get(), &value, sizeof value) == 8);
        CHECK(eventually([&told, i] { return told.load() == i; }));
    }
    for (Call& waiter : waiters) CHECK(waiter.result() == 0);
}

TEST_CASE("several threads wait on one set, and every one-shot event is handled once") {
    constexpr int kPairs = 40, kThreads = 6, kRounds = 20;
    Fd set = new_set();
    std::vector<Connection> pairs;
    for (int i = 0; i < kPairs; ++i) {
        pairs.push_back(connect_unix());
        REQUIRE(control(set, EPOLL_CTL_ADD, pairs.back().server.get(), EPOLLIN | EPOLLONESHOT) == 0);
    }
    std::atomic<int> handled{0}, odd{0};
    Fd stop(eventfd(0, EFD_CLOEXEC));
    REQUIRE(control(set, EPOLL_CTL_ADD, stop.get(), EPOLLIN) == 0);
    std::vector<Thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            for (;;) {
                int fd = next_event(set.get(), -1);
                if (fd == stop.get()) return;
                char byte;
                odd += fd < 0 || rondo_recv(fd, &byte, 1, MSG_DONTWAIT) != 1;
                odd += control(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT) != 0;
                handled.fetch_add(1);
            }
        });
    }
    for (int round = 1; round <= kRounds; ++round) {
        for (Connection& pair : pairs) CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
        CHECK(eventually([&handled, round] { return handled.load() == round * kPairs; }));
    }
    uint64_t value = 1;
    CHECK(rondo_write(stop.get(), &value, sizeof value) == 8);
    threads.clear();
    CHECK(odd.load() == 0);
}

TEST_CASE("a thread reads a socket that is also in an epoll set, and both are told") {
    Fd set = new_set();
    Connection pair = connect_tcp();
    int fd = pair.server.get(), waited = set.get();
    REQUIRE(control(set, EPOLL_CTL_ADD, fd, EPOLLIN) == 0);
    char byte = 0;
    Call reader([&byte, fd] { return rondo_recv(fd, &byte, 1, MSG_PEEK); });
    Call waiter([waited] { return ssize_t{next_event(waited, -1)}; });
    pollfd watched{fd, POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    reader.await_parked();
    waiter.await_parked();
    poller.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(waiter.result() == fd);
    CHECK(poller.result() == 1);
}

TEST_CASE("an event loop over a listener that the runtime accepts on too") {
    Listener listener = listen_tcp();
    Fd owned(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in any = loopback(0);
    REQUIRE(bind(owned.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(listen(owned.get(), 8) == 0);
    socklen_t length = sizeof any;
    REQUIRE(getsockname(owned.get(), reinterpret_cast<sockaddr*>(&any), &length) == 0);
    int fd = owned.get();
    Call first([fd] { return ssize_t{rondo_accept(fd, nullptr, nullptr)}; });
    first.await_parked();
    Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), other(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    Fd accepted(static_cast<int>(first.result()));
    CHECK(accepted.get() >= 0);
    Fd set = new_set();
    REQUIRE(control(set, EPOLL_CTL_ADD, fd, EPOLLIN) == 0);
    int waited = set.get();
    Call waiter([waited] { return ssize_t{next_event(waited, -1)}; });
    waiter.await_parked();
    REQUIRE(rondo_connect(other.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    CHECK(waiter.result() == fd);
    Fd second(rondo_accept(fd, nullptr, nullptr));
    CHECK(second.get() >= 0);
}

TEST_CASE("a set within a set within a set wakes its waiter") {
    constexpr int kDepth = 5;  // as deep as Linux lets sets contain each other
    std::vector<Fd> sets;
    Connection pair = connect_unix();
    int inner = pair.server.get();
    for (int i = 0; i < kDepth; ++i) {
        sets.push_back(new_set());
        REQUIRE(control(sets.back(), EPOLL_CTL_ADD, inner, EPOLLIN) == 0);
        inner = sets.back().get();
    }
    Call waiter([inner] { return ssize_t{next_event(inner, -1)}; });
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(waiter.result() == sets[kDepth - 2].get());
}

TEST_CASE("closing the set under its waiter is EBADF; closing a member is silence" * doctest::skip(kNptl)) {
    Fd set = new_set();
    Connection pair = connect_unix();
    REQUIRE(control(set, EPOLL_CTL_ADD, pair.server.get(), EPOLLIN) == 0);
    int waited = set.get();
    Call waiter([waited] {
        epoll_event event;
        return ssize_t{rondo_epoll_wait(waited, &event, 1, -1)};
    });
    waiter.await_parked();
    pair.server.reset();
    pair.client.reset();
    waiter.await_parked();
    CHECK(rondo_close(set.release()) == 0);
    CHECK(waiter.result() == -1);
    CHECK(waiter.error() == EBADF);
}

TEST_CASE("wrong arguments keep their errors") {
    epoll_event event;
    Fd set = new_set();
    Connection pair = connect_unix();
    errno = 0;
    CHECK(rondo_epoll_wait(set.get(), &event, 0, -1) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_epoll_wait(pair.client.get(), &event, 1, -1) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_epoll_wait(-1, &event, 1, -1) == -1);
    CHECK(errno == EBADF);
    timespec bad{-1, 0};
    errno = 0;
    CHECK(rondo_epoll_pwait2(set.get(), &event, 1, &bad, nullptr) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("a cancelled wait ends, and leaves nothing behind") {
    Fd set = new_set();
    int waited = set.get();
    Thread waiting([waited] { next_event(waited, -1); });
    waiting.await_parked();
    waiting.cancel();
    CHECK(waiting.join() == RONDO_CANCELED);
    rondo_stats stats;
    rondo_get_stats(&stats);
    CHECK(stats.pending_io == 0);
}
