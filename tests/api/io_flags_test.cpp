// SPDX-License-Identifier: Apache-2.0
//
// Non-blocking mode belongs to the program: a descriptor it made non-blocking says EAGAIN at once, and F_GETFL never
// shows a flag that it did not set, whatever the runtime did to wait. SO_RCVTIMEO and SO_SNDTIMEO end a wait.
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

int flags_of(int fd) { return rondo_fcntl(fd, F_GETFL, 0); }

// What the kernel itself has, past the runtime's bookkeeping.
int kernel_flags_of(int fd) { return fcntl(fd, F_GETFL); }

void expect_again(ssize_t result) {
    int error = errno;
    CHECK(result == -1);
    CHECK(error == EAGAIN);
}

}  // namespace

TEST_CASE("O_NONBLOCK set by the program gives EAGAIN, and taken away gives waiting") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    char byte;
    CHECK(rondo_fcntl(fd, F_SETFL, static_cast<unsigned long>(flags_of(fd) | O_NONBLOCK)) == 0);
    CHECK((flags_of(fd) & O_NONBLOCK) != 0);
    expect_again(rondo_read(fd, &byte, 1));
    expect_again(rondo_recv(fd, &byte, 1, 0));
    iovec one{&byte, 1};
    expect_again(rondo_readv(fd, &one, 1));
    CHECK(rondo_fcntl(fd, F_SETFL, static_cast<unsigned long>(flags_of(fd) & ~O_NONBLOCK)) == 0);
    CHECK((flags_of(fd) & O_NONBLOCK) == 0);
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
}

TEST_CASE("FIONBIO and the NONBLOCK flags of socket, accept4 and pipe2 count as the program's") {
    Connection pair = connect_unix();
    int on = 1;
    char byte;
    CHECK(rondo_ioctl(pair.server.get(), FIONBIO, &on) == 0);
    expect_again(rondo_read(pair.server.get(), &byte, 1));
    int off = 0;
    CHECK(rondo_ioctl(pair.server.get(), FIONBIO, &off) == 0);
    CHECK((flags_of(pair.server.get()) & O_NONBLOCK) == 0);
    int ends[2];
    REQUIRE(rondo_pipe2(ends, O_NONBLOCK) == 0);
    Fd in(ends[0]), out(ends[1]);
    expect_again(rondo_read(in.get(), &byte, 1));
    std::string block = pattern(1 << 20);
    ssize_t wrote = rondo_write(out.get(), block.data(), block.size());
    CHECK(wrote > 0);
    CHECK(wrote < static_cast<ssize_t>(block.size()));
    Fd udp(rondo_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    expect_again(rondo_recv(udp.get(), &byte, 1, 0));
    int two[2];
    REQUIRE(rondo_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two) == 0);
    Fd left(two[0]), right(two[1]);
    expect_again(rondo_recv(left.get(), &byte, 1, 0));
}

TEST_CASE("a non-blocking listener says EAGAIN, and accept4 sets what it is asked to") {
    Listener listener = listen_tcp();
    int fd = listener.fd.get();
    CHECK(rondo_fcntl(fd, F_SETFL, static_cast<unsigned long>(flags_of(fd) | O_NONBLOCK)) == 0);
    expect_again(rondo_accept(fd, nullptr, nullptr));
    CHECK(rondo_fcntl(fd, F_SETFL, 0) == 0);
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    Fd server(rondo_accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    REQUIRE(server.get() >= 0);
    CHECK((flags_of(server.get()) & O_NONBLOCK) != 0);
    CHECK((fcntl(server.get(), F_GETFD) & FD_CLOEXEC) != 0);
    char byte;
    expect_again(rondo_read(server.get(), &byte, 1));
    errno = 0;
    CHECK(rondo_accept4(fd, nullptr, nullptr, 0x1234567) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("no flag appears on a description because a thread waits on it") {
    auto [reader_end, writer_end] = make_pipe();
    Connection unix_pair = connect_unix(), tcp = connect_tcp();
    Listener listener = listen_tcp();
    Fd event(eventfd(0, EFD_CLOEXEC));
    std::vector<int> fds = {reader_end.get(), unix_pair.server.get(), tcp.server.get(), listener.fd.get(), event.get()};
    std::vector<Call> calls;
    uint64_t sink[5];
    for (size_t i = 0; i < fds.size(); ++i) {
        int fd = fds[i];
        if (fd == listener.fd.get()) {
            calls.emplace_back([fd] {
                int accepted = rondo_accept(fd, nullptr, nullptr);
                return ssize_t{accepted < 0 ? -1 : rondo_close(accepted)};
            });
        } else {
            calls.emplace_back([fd, &sink, i] { return rondo_read(fd, &sink[i], sizeof sink[i]); });
        }
    }
    for (Call& call : calls) call.await_parked();
    for (int fd : fds) {
        CHECK((flags_of(fd) & O_NONBLOCK) == 0);
        CHECK((kernel_flags_of(fd) & O_NONBLOCK) == 0);
    }
    uint64_t one = 1;
    CHECK(rondo_write(writer_end.get(), &one, sizeof one) == 8);
    CHECK(rondo_write(unix_pair.client.get(), &one, sizeof one) == 8);
    CHECK(rondo_write(tcp.client.get(), &one, sizeof one) == 8);
    CHECK(rondo_write(event.get(), &one, sizeof one) == 8);
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM, 0));
    CHECK(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK((kernel_flags_of(client.get()) & O_NONBLOCK) == 0);
    for (Call& call : calls) CHECK(call.result() >= 0);
    for (int fd : fds) CHECK((kernel_flags_of(fd) & O_NONBLOCK) == 0);
}

TEST_CASE("eventfd and timerfd reads wait") {
    Fd event(eventfd(0, EFD_CLOEXEC)), timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    uint64_t value = 0, expirations = 0;
    int event_fd = event.get(), timer_fd = timer.get();
    Call from_event([&value, event_fd] { return rondo_read(event_fd, &value, sizeof value); });
    from_event.await_parked();
    uint64_t seven = 7;
    CHECK(rondo_write(event_fd, &seven, sizeof seven) == 8);
    CHECK(from_event.result() == 8);
    CHECK(value == 7);
    itimerspec soon{};
    soon.it_value.tv_nsec = 5'000'000;
    REQUIRE(timerfd_settime(timer_fd, 0, &soon, nullptr) == 0);
    Call from_timer([&expirations, timer_fd] { return rondo_read(timer_fd, &expirations, sizeof expirations); });
    CHECK(from_timer.result() == 8);
    CHECK(expirations == 1);
}

TEST_CASE("SO_RCVTIMEO ends a wait with EAGAIN, not early") {
    for (bool tcp : {false, true}) {
        Connection pair = tcp ? connect_tcp() : connect_unix();
        timeval limit{0, 30'000};
        REQUIRE(rondo_setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
        char byte;
        int64_t start = now_ns();
        expect_again(rondo_recv(pair.server.get(), &byte, 1, 0));
        CHECK(now_ns() - start >= 29'000'000);
        start = now_ns();
        expect_again(rondo_read(pair.server.get(), &byte, 1));
        CHECK(now_ns() - start >= 29'000'000);
        CHECK(rondo_write(pair.client.get(), "t", 1) == 1);
        CHECK(rondo_recv(pair.server.get(), &byte, 1, 0) == 1);
        limit = {0, 0};
        REQUIRE(rondo_setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
        int fd = pair.server.get();
        Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
        reader.await_parked();
        CHECK(rondo_write(pair.client.get(), "u", 1) == 1);
        CHECK(reader.result() == 1);
    }
}

TEST_CASE("SO_RCVTIMEO limits accept too") {
    Listener listener = listen_tcp();
    timeval limit{0, 20'000};
    REQUIRE(rondo_setsockopt(listener.fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    int64_t start = now_ns();
    expect_again(rondo_accept(listener.fd.get(), nullptr, nullptr));
    CHECK(now_ns() - start >= 19'000'000);
}

TEST_CASE("SO_SNDTIMEO ends a blocked send with what went out, then EAGAIN") {
    Connection pair = connect_unix();
    timeval limit{0, 30'000};
    REQUIRE(rondo_setsockopt(pair.client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    std::string block = pattern(4 << 20);
    int64_t start = now_ns();
    ssize_t sent = rondo_send(pair.client.get(), block.data(), block.size(), MSG_NOSIGNAL);
    CHECK(sent > 0);
    CHECK(sent < static_cast<ssize_t>(block.size()));
    CHECK(now_ns() - start >= 29'000'000);
    expect_again(rondo_send(pair.client.get(), block.data(), block.size(), MSG_NOSIGNAL));
    CHECK((read_up_to(pair.server.get(), static_cast<size_t>(sent)) == block.substr(0, static_cast<size_t>(sent))));
}

TEST_CASE("a timeout set on one duplicate holds for the other") {
    Connection pair = connect_unix();
    Fd copy(rondo_dup(pair.server.get()));
    timeval limit{0, 20'000};
    REQUIRE(rondo_setsockopt(pair.server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    char byte;
    expect_again(rondo_recv(copy.get(), &byte, 1, 0));
}

TEST_CASE("fd_waits tells what can wait for somebody") {
    Connection pair = connect_unix();
    auto [in, out] = make_pipe();
    Fd event(eventfd(0, EFD_CLOEXEC)), file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    CHECK(rondo_fd_waits(pair.client.get()) == 1);
    CHECK(rondo_fd_waits(in.get()) == 1);
    CHECK(rondo_fd_waits(event.get()) == 1);
    CHECK(rondo_fd_waits(file.get()) == 0);
    errno = 0;
    CHECK(rondo_fd_waits(-1) == -1);
    CHECK(errno == EBADF);
}

TEST_CASE("files are read and written without waiting, at their offset") {
    char path[] = "/tmp/rondo-io-XXXXXX";
    Fd file(mkostemp(path, O_CLOEXEC));
    REQUIRE(file.get() >= 0);
    unlink(path);
    std::string text = pattern(100'000);
    CHECK(write_all(file.get(), text) == text.size());
    CHECK(lseek(file.get(), 0, SEEK_SET) == 0);
    CHECK((read_up_to(file.get()) == text));
}
