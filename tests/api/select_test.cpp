// SPDX-License-Identifier: Apache-2.0
//
// select, pselect and ppoll: the sets that come back, the time that is left, sets beyond FD_SETSIZE, the errors, and
// waiting that lets the other threads run.
#include <sys/select.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

// A set for any number, as a program makes it that knows descriptors beyond FD_SETSIZE.
class WideSet {
   public:
    explicit WideSet(int most) : words_(static_cast<size_t>(most) / 64 + 1) {}
    void add(int fd) { words_[static_cast<size_t>(fd) / 64] |= 1UL << fd % 64; }
    bool has(int fd) const { return (words_[static_cast<size_t>(fd) / 64] >> fd % 64 & 1) != 0; }
    fd_set* get() { return reinterpret_cast<fd_set*>(words_.data()); }

   private:
    std::vector<unsigned long> words_;
};

fd_set set_of(std::initializer_list<int> fds) {
    fd_set set;
    FD_ZERO(&set);
    for (int fd : fds) FD_SET(fd, &set);
    return set;
}

}  // namespace

TEST_CASE("a zero time reports what is ready and never waits") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    fd_set readable = set_of({fd}), writable = set_of({fd});
    timeval now{};
    CHECK(rondo_select(fd + 1, &readable, &writable, nullptr, &now) == 1);
    CHECK(!FD_ISSET(fd, &readable));
    CHECK(FD_ISSET(fd, &writable));
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    readable = set_of({fd});
    writable = set_of({fd});
    CHECK(rondo_select(fd + 1, &readable, &writable, nullptr, &now) == 2);
    CHECK(FD_ISSET(fd, &readable));
    CHECK(FD_ISSET(fd, &writable));
}

TEST_CASE("an endless select is woken by another thread, and tells exactly the ready ones") {
    Connection one = connect_tcp(), two = connect_unix();
    auto [in, out] = make_pipe();
    int fds[3] = {one.server.get(), two.server.get(), in.get()};
    int most = *std::max_element(fds, fds + 3);
    fd_set readable = set_of({fds[0], fds[1], fds[2]});
    Call selector([&] { return ssize_t{rondo_select(most + 1, &readable, nullptr, nullptr, nullptr)}; });
    selector.await_parked();
    CHECK(rondo_write(two.client.get(), "x", 1) == 1);
    CHECK(selector.result() == 1);
    CHECK(!FD_ISSET(fds[0], &readable));
    CHECK(FD_ISSET(fds[1], &readable));
    CHECK(!FD_ISSET(fds[2], &readable));
}

TEST_CASE("a select that times out empties the sets and writes back no time") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    fd_set readable = set_of({fd}), exceptional = set_of({fd});
    timeval limit{0, 30'000};
    int64_t start = now_ns();
    CHECK(rondo_select(fd + 1, &readable, nullptr, &exceptional, &limit) == 0);
    CHECK(now_ns() - start >= 30'000'000);
    CHECK(!FD_ISSET(fd, &readable));
    CHECK(!FD_ISSET(fd, &exceptional));
    CHECK(limit.tv_sec == 0);
    CHECK(limit.tv_usec == 0);
}

TEST_CASE("select writes back the time that is left, pselect leaves it alone") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    fd_set readable = set_of({fd});
    timeval limit{1000, 0};
    CHECK(rondo_select(fd + 1, &readable, nullptr, nullptr, &limit) == 1);
    CHECK(limit.tv_sec == 999);
    CHECK(limit.tv_usec > 0);
    timespec fixed{1000, 0};
    CHECK(rondo_pselect(fd + 1, &readable, nullptr, nullptr, &fixed, nullptr) == 1);
    CHECK(fixed.tv_sec == 1000);
    CHECK(fixed.tv_nsec == 0);
}

TEST_CASE("select without descriptors is a sleep, and microseconds beyond a second are carried") {
    timeval limit{0, 20'000};
    int64_t start = now_ns();
    CHECK(rondo_select(0, nullptr, nullptr, nullptr, &limit) == 0);
    CHECK(now_ns() - start >= 20'000'000);
    timeval carried{0, 1'000'000};
    start = now_ns();
    CHECK(rondo_select(0, nullptr, nullptr, nullptr, &carried) == 0);
    CHECK(now_ns() - start >= 1'000'000'000);
}

TEST_CASE("a hang-up is readable, an error is both, urgent data is exceptional") {
    auto [in, out] = make_pipe();
    fd_set readable = set_of({in.get()});
    int reading = in.get();
    Call selector([&] { return ssize_t{rondo_select(reading + 1, &readable, nullptr, nullptr, nullptr)}; });
    selector.await_parked();
    out.reset();
    CHECK(selector.result() == 1);
    CHECK(FD_ISSET(reading, &readable));
    auto [in2, out2] = make_pipe();
    in2.reset();
    fd_set writable = set_of({out2.get()});
    CHECK(rondo_select(out2.get() + 1, nullptr, &writable, nullptr, nullptr) == 1);
    Connection pair = connect_tcp();
    int urgent = pair.server.get();
    fd_set exceptional = set_of({urgent});
    Call waiting([&] { return ssize_t{rondo_select(urgent + 1, nullptr, nullptr, &exceptional, nullptr)}; });
    waiting.await_parked();
    CHECK(rondo_send(pair.client.get(), "!", 1, MSG_OOB) == 1);
    CHECK(waiting.result() == 1);
    CHECK(FD_ISSET(urgent, &exceptional));
}

TEST_CASE("numbers beyond FD_SETSIZE are watched in sets that have room for them") {
    Connection pair = connect_unix();
    Fd high(rondo_fcntl(pair.server.get(), F_DUPFD_CLOEXEC, 3000));
    REQUIRE(high.get() >= 3000);
    WideSet readable(high.get());
    readable.add(high.get());
    int fd = high.get();
    Call selector([&] { return ssize_t{rondo_select(fd + 1, readable.get(), nullptr, nullptr, nullptr)}; });
    selector.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(selector.result() == 1);
    CHECK(readable.has(fd));
}

TEST_CASE("a count beyond the table of descriptors reads the sets no further than that") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    // Room for 32,768 numbers, which no table here reaches, and then a page that cannot be read.
    constexpr size_t kPage = 4096;
    OwnPage<char[2 * kPage]> pages;
    char* start = *pages.get();
    REQUIRE(mprotect(start + kPage, kPage, PROT_NONE) == 0);
    auto* readable = reinterpret_cast<fd_set*>(start);
    FD_SET(fd, readable);
    Call selector([&] { return ssize_t{rondo_select(1 << 20, readable, nullptr, nullptr, nullptr)}; });
    selector.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(selector.result() == 1);
    CHECK(FD_ISSET(fd, readable));
}

TEST_CASE("a closed descriptor in a set is EBADF, and the sets stay as they are") {
    Connection pair = connect_unix();
    int gone = pair.client.release(), fd = pair.server.get();
    rondo_close(gone);
    fd_set readable = set_of({gone, fd});
    errno = 0;
    CHECK(rondo_select(std::max(gone, fd) + 1, &readable, nullptr, nullptr, nullptr) == -1);
    CHECK(errno == EBADF);
    CHECK(FD_ISSET(gone, &readable));
    CHECK(FD_ISSET(fd, &readable));
}

TEST_CASE("closing a descriptor under a select ends it with EBADF" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    fd_set readable = set_of({fd});
    Call selector([&] { return ssize_t{rondo_select(fd + 1, &readable, nullptr, nullptr, nullptr)}; });
    selector.await_parked();
    CHECK(rondo_close(pair.server.release()) == 0);
    CHECK(selector.result() == -1);
    CHECK(selector.error() == EBADF);
}

TEST_CASE("negative counts and times are refused") {
    timeval bad{-1, 0};
    timespec worse{0, 1'000'000'000};
    errno = 0;
    CHECK(rondo_select(-1, nullptr, nullptr, nullptr, nullptr) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_select(0, nullptr, nullptr, nullptr, &bad) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_pselect(0, nullptr, nullptr, nullptr, &worse, nullptr) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_ppoll(nullptr, 0, &worse, nullptr) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("a file that is asked for nothing does not end a wait for others") {
    Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    Connection pair = connect_unix();
    pollfd watched[2] = {{file.get(), 0, 0}, {pair.server.get(), POLLIN, 0}};
    Call poller([&watched] { return ssize_t{rondo_ppoll(watched, 2, nullptr, nullptr)}; });
    poller.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(poller.result() == 1);
    CHECK(watched[1].revents == POLLIN);
    timespec limit{0, 1'000'000};
    watched[1].events = POLLPRI;
    CHECK(rondo_ppoll(watched, 2, &limit, nullptr) == 0);
}

TEST_CASE("a cancelled select ends, and leaves nothing behind") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    Thread selecting([fd] {
        fd_set readable = set_of({fd});
        rondo_select(fd + 1, &readable, nullptr, nullptr, nullptr);
    });
    selecting.await_parked();
    selecting.cancel();
    CHECK(selecting.join() == RONDO_CANCELED);
    rondo_stats stats;
    rondo_get_stats(&stats);
    CHECK(stats.pending_io == 0);
}
