// SPDX-License-Identifier: Apache-2.0
//
// poll: timeouts of every kind, several descriptors, the same descriptor twice, hang-ups, bad and negative descriptors,
// and waking by other threads. A poll that returns leaves nothing behind in the runtime.
#include <sys/eventfd.h>

#include "io_support.h"

using namespace rondo::api_test;

TEST_CASE("a zero timeout reports what is ready and never waits") {
    Connection pair = connect_unix();
    pollfd watched{pair.server.get(), POLLIN | POLLOUT, 0};
    CHECK(rondo_poll(&watched, 1, 0) == 1);
    CHECK(watched.revents == POLLOUT);
    watched.events = POLLIN;
    CHECK(rondo_poll(&watched, 1, 0) == 0);
    CHECK(watched.revents == 0);
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(rondo_poll(&watched, 1, 0) == 1);
    CHECK(watched.revents == POLLIN);
}

TEST_CASE("a finite timeout ends with 0, not early") {
    Connection pair = connect_unix();
    pollfd watched{pair.server.get(), POLLIN, 0x7f};
    int64_t start = now_ns();
    CHECK(rondo_poll(&watched, 1, 30) == 0);
    CHECK(now_ns() - start >= 30'000'000);
    CHECK(watched.revents == 0);
}

TEST_CASE("poll without descriptors is a sleep") {
    int64_t start = now_ns();
    CHECK(rondo_poll(nullptr, 0, 20) == 0);
    CHECK(now_ns() - start >= 20'000'000);
    CHECK(rondo_poll(nullptr, 0, 0) == 0);
}

TEST_CASE("an endless poll is woken by another thread's write") {
    Connection pair = connect_tcp();
    pollfd watched{pair.server.get(), POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    poller.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(poller.result() == 1);
    CHECK(watched.revents == POLLIN);
}

TEST_CASE("any negative timeout is endless") {
    Connection pair = connect_unix();
    pollfd watched{pair.server.get(), POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1000)}; });
    poller.await_parked();
    pair.client.reset();
    CHECK(poller.result() == 1);
    CHECK((watched.revents & POLLHUP) != 0);
}

TEST_CASE("of many descriptors exactly the ready ones are told") {
    constexpr size_t kPairs = 50;
    std::vector<Connection> pairs;
    std::vector<pollfd> watched;
    for (size_t i = 0; i < kPairs; ++i) {
        pairs.push_back(connect_unix());
        watched.push_back({pairs.back().server.get(), POLLIN, 0x55});
    }
    Call poller([&watched] { return ssize_t{rondo_poll(watched.data(), watched.size(), 20'000)}; });
    poller.await_parked();
    CHECK(rondo_write(pairs[17].client.get(), "x", 1) == 1);
    CHECK(poller.result() == 1);
    for (size_t i = 0; i < kPairs; ++i) CHECK(watched[i].revents == (i == 17 ? POLLIN : 0));
    CHECK(rondo_write(pairs[3].client.get(), "x", 1) == 1);
    CHECK(rondo_write(pairs[49].client.get(), "x", 1) == 1);
    CHECK(rondo_poll(watched.data(), watched.size(), -1) == 3);
    for (size_t i = 0; i < kPairs; ++i) CHECK(watched[i].revents == (i == 17 || i == 3 || i == 49 ? POLLIN : 0));
}

TEST_CASE("one descriptor twice, with different events, is told twice") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    pollfd watched[3] = {{fd, POLLIN, 0}, {fd, POLLIN | POLLOUT, 0}, {fd, POLLIN, 0}};
    CHECK(rondo_poll(watched, 3, -1) == 1);
    CHECK(watched[1].revents == POLLOUT);
    pollfd input[2] = {{fd, POLLIN, 0}, {fd, POLLIN, 0}};
    Call poller([&input] { return ssize_t{rondo_poll(input, 2, 20'000)}; });
    poller.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(poller.result() == 2);
    CHECK(input[0].revents == POLLIN);
    CHECK(input[1].revents == POLLIN);
}

TEST_CASE("a negative descriptor is ignored, a closed one is POLLNVAL at once") {
    Connection pair = connect_unix();
    int gone = pair.client.release();
    rondo_close(gone);
    pollfd watched[2] = {{-1, POLLIN, 0x7f}, {gone, POLLIN, 0}};
    CHECK(rondo_poll(watched, 2, -1) == 1);
    CHECK(watched[0].revents == 0);
    CHECK(watched[1].revents == POLLNVAL);
    pollfd only{-7, POLLIN, 0x7f};
    int64_t start = now_ns();
    CHECK(rondo_poll(&only, 1, 15) == 0);
    CHECK(now_ns() - start >= 15'000'000);
    CHECK(only.revents == 0);
}

TEST_CASE("hang-ups and errors are told unasked") {
    auto [in, out] = make_pipe();
    pollfd reading{in.get(), 0, 0};
    Call poller([&reading] { return ssize_t{rondo_poll(&reading, 1, 20'000)}; });
    poller.await_parked();
    out.reset();
    CHECK(poller.result() == 1);
    CHECK(reading.revents == POLLHUP);
    auto [in2, out2] = make_pipe();
    in2.reset();
    pollfd writing{out2.get(), POLLOUT, 0};
    CHECK(rondo_poll(&writing, 1, 20'000) == 1);
    CHECK((writing.revents & POLLERR) != 0);
}

TEST_CASE("POLLRDHUP is told when it is asked for") {
    Connection pair = connect_tcp();
    pollfd watched{pair.server.get(), POLLRDHUP, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, 20'000)}; });
    poller.await_parked();
    CHECK(shutdown(pair.client.get(), SHUT_WR) == 0);
    CHECK(poller.result() == 1);
    CHECK(watched.revents == POLLRDHUP);
}

TEST_CASE("files are always ready") {
    Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    pollfd watched{file.get(), POLLIN | POLLOUT, 0};
    CHECK(rondo_poll(&watched, 1, -1) == 1);
    CHECK(watched.revents == (POLLIN | POLLOUT));
}

TEST_CASE("several threads poll one descriptor, and all are told") {
    Fd event(eventfd(0, EFD_CLOEXEC));
    int fd = event.get();
    std::vector<Call> pollers;
    for (int i = 0; i < 10; ++i) {
        pollers.emplace_back([fd] {
            pollfd watched{fd, POLLIN, 0};
            return ssize_t{rondo_poll(&watched, 1, 20'000)};
        });
    }
    for (Call& poller : pollers) poller.await_parked();
    uint64_t one = 1;
    CHECK(rondo_write(fd, &one, sizeof one) == 8);
    for (Call& poller : pollers) CHECK(poller.result() == 1);
}

TEST_CASE("a poll loop with a read never misses an edge") {
    Connection pair = connect_unix();
    constexpr int kMessages = 2'000;
    int received = 0;
    Thread reader([&] {
        char byte;
        pollfd watched{pair.server.get(), POLLIN, 0};
        while (received < kMessages && rondo_poll(&watched, 1, 20'000) == 1) {
            received += rondo_read(watched.fd, &byte, 1) == 1;
        }
    });
    for (int i = 0; i < kMessages; ++i) {
        CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
        if (i % 3 == 0) rondo_yield();
    }
    reader.join();
    CHECK(received == kMessages);
}

TEST_CASE("bad arguments are refused") {
    errno = 0;
    CHECK(rondo_poll(bad_address<pollfd>(), 1, 0) == -1);
    CHECK(errno == EFAULT);
    errno = 0;
    volatile nfds_t too_many = 100'000'000;
    CHECK(rondo_poll(bad_address<pollfd>(), too_many, 0) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("nothing stays pending after polls that timed out" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    for (int i = 0; i < 50; ++i) {
        pollfd watched[2] = {{pair.server.get(), POLLIN, 0}, {pair.client.get(), POLLIN, 0}};
        Thread([&watched] { rondo_poll(watched, 2, 1); }).join();
    }
    rondo_stats stats;
    rondo_get_stats(&stats);
    CHECK(stats.pending_io == 0);
    CHECK(stats.armed_timers == 0);
}
