// SPDX-License-Identifier: Apache-2.0
//
// SO_RCVTIMEO and SO_SNDTIMEO with each call that they bound: EAGAIN, or what was moved, and not early. They do not
// bound poll and its like.
#include <poll.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

constexpr int64_t kLimitNs = 15'000'000;

void limit(int fd, int which) {
    timeval time{0, kLimitNs / 1000};
    REQUIRE(rondo_setsockopt(fd, SOL_SOCKET, which, &time, sizeof time) == 0);
}

// The call fails with EAGAIN after the time.
template <class Body>
void expect_timeout(const char* name, Body body) {
    int64_t start = now_ns();
    errno = 0;
    ssize_t result = body();
    INFO(name);
    CHECK(result == -1);
    CHECK(errno == EAGAIN);
    CHECK(now_ns() - start >= kLimitNs);
}

struct Message {
    explicit Message(std::string bytes) : text(std::move(bytes)), vector{text.data(), text.size()} {
        header.msg_hdr.msg_iov = &vector;
        header.msg_hdr.msg_iovlen = 1;
    }
    std::string text;
    iovec vector;
    mmsghdr header{};
};

// Fills the socket until nothing more goes out at once.
void fill(int fd) {
    std::string block(65'536, 'f');
    while (rondo_send(fd, block.data(), block.size(), MSG_DONTWAIT) > 0) {
    }
}

}  // namespace

TEST_CASE("SO_RCVTIMEO bounds every call that receives") {
    for (bool stream : {false, true}) {
        Connection pair = connect_unix(stream ? SOCK_STREAM : SOCK_DGRAM);
        int fd = pair.server.get();
        limit(fd, SO_RCVTIMEO);
        char byte;
        Message message("abc");
        sockaddr_storage address;
        socklen_t length = sizeof address;
        auto* from = reinterpret_cast<sockaddr*>(&address);
        expect_timeout("recv", [&] { return rondo_recv(fd, &byte, 1, 0); });
        expect_timeout("recv peek", [&] { return rondo_recv(fd, &byte, 1, MSG_PEEK); });
        expect_timeout("recv all", [&] { return rondo_recv(fd, &byte, 1, MSG_WAITALL); });
        expect_timeout("recvfrom", [&] { return rondo_recvfrom(fd, &byte, 1, 0, from, &length); });
        expect_timeout("recvmsg", [&] { return rondo_recvmsg(fd, &message.header.msg_hdr, 0); });
        expect_timeout("recvmmsg", [&] { return rondo_recvmmsg(fd, &message.header, 1, 0, nullptr); });
        expect_timeout("read", [&] { return rondo_read(fd, &byte, 1); });
        expect_timeout("readv", [&] { return rondo_readv(fd, &message.vector, 1); });
    }
}

TEST_CASE("SO_SNDTIMEO bounds every call that sends") {
    for (bool stream : {false, true}) {
        Connection pair = connect_unix(stream ? SOCK_STREAM : SOCK_DGRAM);
        int fd = pair.client.get();
        limit(fd, SO_SNDTIMEO);
        fill(fd);
        Message message(std::string(65'536, 'm'));
        const char* text = message.text.data();
        size_t length = message.text.size();
        expect_timeout("send", [&] { return rondo_send(fd, text, length, 0); });
        expect_timeout("sendto", [&] { return rondo_sendto(fd, text, length, 0, nullptr, 0); });
        expect_timeout("sendmsg", [&] { return rondo_sendmsg(fd, &message.header.msg_hdr, 0); });
        expect_timeout("sendmmsg", [&] { return rondo_sendmmsg(fd, &message.header, 1, 0); });
        expect_timeout("write", [&] { return rondo_write(fd, text, length); });
        expect_timeout("writev", [&] { return rondo_writev(fd, &message.vector, 1); });
    }
}

TEST_CASE("SO_SNDTIMEO ends a long send with what went out") {
    Connection pair = connect_unix();
    int fd = pair.client.get();
    limit(fd, SO_SNDTIMEO);
    std::string text = pattern(4 << 20);
    Message message(text);
    ssize_t sent = rondo_sendmsg(fd, &message.header.msg_hdr, 0);
    CHECK(sent > 0);
    CHECK(sent < static_cast<ssize_t>(text.size()));
    pair.client.reset();
    CHECK((read_up_to(pair.server.get()) == text.substr(0, static_cast<size_t>(sent))));
}

TEST_CASE("SO_RCVTIMEO bounds accept, on a listener of our own and on a shared one") {
    Listener shared = listen_tcp();
    Fd own(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(listen(own.get(), 1) == 0);
    for (int fd : {shared.fd.get(), own.get()}) {
        limit(fd, SO_RCVTIMEO);
        expect_timeout("accept", [fd] { return ssize_t{rondo_accept(fd, nullptr, nullptr)}; });
        expect_timeout("accept4", [fd] { return ssize_t{rondo_accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)}; });
    }
}

TEST_CASE("an accepted connection has its listener's timeouts") {
    Listener listener = listen_tcp();
    limit(listener.fd.get(), SO_RCVTIMEO);
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    Fd server(rondo_accept(listener.fd.get(), nullptr, nullptr));
    timeval time{};
    socklen_t length = sizeof time;
    REQUIRE(getsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &time, &length) == 0);
    CHECK(time.tv_usec * 1000 >= kLimitNs);
    char byte;
    expect_timeout("recv", [&] { return rondo_recv(server.get(), &byte, 1, 0); });
}

TEST_CASE("a timeout that is taken away no longer ends a wait, and poll never knew it") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    limit(fd, SO_RCVTIMEO);
    pollfd watched{fd, POLLIN, 0};
    int64_t start = now_ns();
    CHECK(rondo_poll(&watched, 1, 3 * static_cast<int>(kLimitNs / 1'000'000)) == 0);
    CHECK(now_ns() - start >= 3 * kLimitNs);
    timeval none{};
    REQUIRE(rondo_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
    char byte;
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    start = now_ns();
    CHECK(eventually([start] { return now_ns() - start >= 2 * kLimitNs; }));
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
}
