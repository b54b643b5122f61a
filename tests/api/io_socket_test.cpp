// SPDX-License-Identifier: Apache-2.0
//
// Sockets beyond the byte stream: accepting and connecting, refused and non-blocking connects, datagrams with
// addresses, descriptors passed over a Unix socket, and urgent data. A passed descriptor is born in recvmsg: its number
// may have belonged to another socket a moment before.
#include <sys/un.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

Fd connect_to(uint16_t port) {
    Fd fd(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = loopback(port);
    if (rondo_connect(fd.get(), generic(address), sizeof address) != 0) fd.reset();
    return fd;
}

Fd bound_udp(sockaddr_in& address) {
    Fd fd(rondo_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    address = loopback(0);
    socklen_t length = sizeof address;
    REQUIRE(bind(fd.get(), generic(address), length) == 0);
    REQUIRE(getsockname(fd.get(), generic(address), &length) == 0);
    return fd;
}

ssize_t send_fd(int over, int passed) {
    char byte = 'f';
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    return rondo_sendmsg(over, &message, 0);
}

int receive_fd(int over) {
    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (rondo_recvmsg(over, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
    int fd = -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

}  // namespace

TEST_CASE("accept waits, and tells the peer's address") {
    Listener listener = listen_tcp();
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    int fd = listener.fd.get();
    Call acceptor([&, fd] { return ssize_t{rondo_accept(fd, generic(peer), &length)}; });
    acceptor.await_parked();
    Fd client = connect_to(listener.port);
    Fd server(static_cast<int>(acceptor.result()));
    REQUIRE(server.get() >= 0);
    sockaddr_in own{};
    socklen_t own_length = sizeof own;
    REQUIRE(getsockname(client.get(), generic(own), &own_length) == 0);
    CHECK(length == sizeof peer);
    CHECK(peer.sin_port == own.sin_port);
    CHECK(peer.sin_addr.s_addr == own.sin_addr.s_addr);
}

TEST_CASE("a server accepts many and echoes to each in a thread of its own") {
    constexpr int kClients = 200;
    Listener listener = listen_tcp(kClients);
    std::atomic<int> correct{0};
    Thread server([&] {
        std::vector<Thread> connections;
        for (int i = 0; i < kClients; ++i) {
            int fd = rondo_accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) break;
            connections.emplace_back([fd] {
                Fd own(fd);
                char buffer[256];
                ssize_t got;
                while ((got = rondo_read(fd, buffer, sizeof buffer)) > 0) {
                    write_all(fd, std::string(buffer, static_cast<size_t>(got)));
                }
            });
        }
    });
    {
        std::vector<Thread> clients;
        for (unsigned i = 0; i < kClients; ++i) {
            clients.emplace_back([&, i] {
                Fd fd = connect_to(listener.port);
                bool good = fd.get() >= 0;
                for (unsigned line = 0; line < 5; ++line) {
                    std::string text = pattern(64, i * 7 + line);
                    good = good && write_all(fd.get(), text) == text.size() && read_up_to(fd.get(), 64) == text;
                }
                correct.fetch_add(good);
            });
        }
    }
    server.join();
    CHECK(correct.load() == kClients);
}

TEST_CASE("several acceptors share one listener") {
    Listener listener = listen_tcp();
    constexpr int kEach = 20, kAcceptors = 4;
    std::atomic<int> accepted{0};
    {
        std::vector<Thread> acceptors;
        for (int i = 0; i < kAcceptors; ++i) {
            acceptors.emplace_back([&] {
                for (int n = 0; n < kEach; ++n) {
                    int fd = rondo_accept(listener.fd.get(), nullptr, nullptr);
                    accepted.fetch_add(fd >= 0);
                    rondo_close(fd);
                }
            });
        }
        for (int i = 0; i < kEach * kAcceptors; ++i) CHECK(connect_to(listener.port).get() >= 0);
    }
    CHECK(accepted.load() == kEach * kAcceptors);
}

TEST_CASE("a refused connection is ECONNREFUSED, and the socket can be tried again") {
    uint16_t port = listen_tcp().port;
    Fd fd(rondo_socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address = loopback(port);
    errno = 0;
    CHECK(rondo_connect(fd.get(), generic(address), sizeof address) == -1);
    CHECK(errno == ECONNREFUSED);
    CHECK((fcntl(fd.get(), F_GETFL) & O_NONBLOCK) == 0);
    Listener listener = listen_tcp();
    address = loopback(listener.port);
    CHECK(rondo_connect(fd.get(), generic(address), sizeof address) == 0);
    errno = 0;
    CHECK(rondo_connect(fd.get(), generic(address), sizeof address) == -1);
    CHECK(errno == EISCONN);
}

TEST_CASE("a non-blocking connect is EINPROGRESS and is finished by poll") {
    Listener listener = listen_tcp();
    Fd fd(rondo_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_in address = loopback(listener.port);
    errno = 0;
    int rc = rondo_connect(fd.get(), generic(address), sizeof address);
    CHECK((rc == 0 || errno == EINPROGRESS));
    pollfd watched{fd.get(), POLLOUT, 0};
    CHECK(rondo_poll(&watched, 1, 10'000) == 1);
    int error = -1;
    socklen_t length = sizeof error;
    CHECK(getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    CHECK(error == 0);
}

TEST_CASE("unix sockets by name: connect waits for room in the backlog") {
    char directory[] = "/tmp/rondo-socket-XXXXXX";
    REQUIRE(mkdtemp(directory) != nullptr);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", directory);
    Fd listener(rondo_socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    constexpr int kClients = 20;
    std::atomic<int> connected{0};
    {
        std::vector<Thread> clients;
        for (int i = 0; i < kClients; ++i) {
            clients.emplace_back([&] {
                Fd fd(rondo_socket(AF_UNIX, SOCK_STREAM, 0));
                connected.fetch_add(rondo_connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) ==
                                    0);
            });
        }
        for (int i = 0; i < kClients; ++i) {
            Fd server(rondo_accept(listener.get(), nullptr, nullptr));
            CHECK(server.get() >= 0);
        }
    }
    CHECK(connected.load() == kClients);
    unlink(address.sun_path);
    rmdir(directory);
}

TEST_CASE("datagrams keep their bounds and bring their sender's address") {
    sockaddr_in a_address, b_address;
    Fd a = bound_udp(a_address), b = bound_udp(b_address);
    char buffer[64];
    sockaddr_in from{};
    socklen_t length = sizeof from;
    int fd = b.get();
    Call receiver([&, fd] { return rondo_recvfrom(fd, buffer, sizeof buffer, 0, generic(from), &length); });
    receiver.await_parked();
    CHECK(rondo_sendto(a.get(), "one", 3, 0, generic(b_address), sizeof b_address) == 3);
    CHECK(receiver.result() == 3);
    CHECK(from.sin_port == a_address.sin_port);
    CHECK(rondo_sendto(a.get(), "first", 5, 0, generic(b_address), sizeof b_address) == 5);
    CHECK(rondo_sendto(a.get(), "second", 6, 0, generic(b_address), sizeof b_address) == 6);
    CHECK(rondo_recv(b.get(), buffer, sizeof buffer, 0) == 5);
    CHECK(rondo_recv(b.get(), buffer, 2, MSG_TRUNC) == 6);
    CHECK(rondo_connect(a.get(), generic(b_address), sizeof b_address) == 0);
    CHECK(rondo_send(a.get(), "", 0, 0) == 0);
    CHECK(rondo_recv(b.get(), buffer, sizeof buffer, 0) == 0);
}

TEST_CASE("sendmsg and recvmsg move vectors and tell the address and the flags") {
    sockaddr_in a_address, b_address;
    Fd a = bound_udp(a_address), b = bound_udp(b_address);
    char head[] = "head", tail[] = "-tail", left[4], right[2];
    iovec out[2] = {{head, 4}, {tail, 5}}, in[2] = {{left, sizeof left}, {right, sizeof right}};
    msghdr sent{}, got{};
    sent.msg_name = &b_address;
    sent.msg_namelen = sizeof b_address;
    sent.msg_iov = out;
    sent.msg_iovlen = 2;
    sockaddr_in from{};
    got.msg_name = &from;
    got.msg_namelen = sizeof from;
    got.msg_iov = in;
    got.msg_iovlen = 2;
    int fd = b.get();
    Call receiver([&got, fd] { return rondo_recvmsg(fd, &got, 0); });
    receiver.await_parked();
    CHECK(rondo_sendmsg(a.get(), &sent, 0) == 9);
    CHECK(receiver.result() == 6);
    CHECK(std::string(left, 4) + std::string(right, 2) == "head-t");
    CHECK((got.msg_flags & MSG_TRUNC) != 0);
    CHECK(from.sin_port == a_address.sin_port);
}

TEST_CASE("a descriptor travels over a unix socket and waits in its new place") {
    Connection channel = connect_unix(), payload = connect_unix();
    int over = channel.server.get();
    Call receiver([over] { return ssize_t{receive_fd(over)}; });
    receiver.await_parked();
    CHECK(send_fd(channel.client.get(), payload.server.get()) == 1);
    Fd passed(static_cast<int>(receiver.result()));
    REQUIRE(passed.get() >= 0);
    payload.server.reset();
    char byte = 0;
    int in = passed.get();
    Call reader([&byte, in] { return rondo_read(in, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_write(payload.client.get(), "p", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(byte == 'p');
}

TEST_CASE("a passed descriptor that takes over a used number still gets its events") {
    Connection channel = connect_unix();
    for (int round = 0; round < 20; ++round) {
        Connection payload = connect_unix();
        CHECK(send_fd(channel.client.get(), payload.server.get()) == 1);
        char byte = 0;
        int number = payload.server.get();
        Call warm([&byte, number] { return rondo_read(number, &byte, 1); });
        warm.await_parked();
        CHECK(rondo_write(payload.client.get(), "w", 1) == 1);
        CHECK(warm.result() == 1);
        payload.server.reset();
        Fd passed(receive_fd(channel.server.get()));
        CHECK(passed.get() == number);
        int in = passed.get();
        Call reader([&byte, in] { return rondo_read(in, &byte, 1); });
        reader.await_parked();
        CHECK(rondo_write(payload.client.get(), "e", 1) == 1);
        CHECK(reader.result() == 1);
        CHECK(byte == 'e');
    }
}

TEST_CASE("urgent data is told by POLLPRI and read with MSG_OOB") {
    Connection pair = connect_tcp();
    char byte = 0;
    errno = 0;
    CHECK(rondo_recv(pair.server.get(), &byte, 1, MSG_OOB) == -1);
    CHECK((errno == EINVAL || errno == EAGAIN));
    pollfd watched{pair.server.get(), POLLPRI, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, 20'000)}; });
    poller.await_parked();
    CHECK(rondo_send(pair.client.get(), "!", 1, MSG_OOB) == 1);
    CHECK(poller.result() == 1);
    CHECK((watched.revents & POLLPRI) != 0);
    CHECK(rondo_recv(pair.server.get(), &byte, 1, MSG_OOB) == 1);
    CHECK(byte == '!');
    CHECK(rondo_send(pair.client.get(), "n", 1, 0) == 1);
    CHECK(rondo_recv(pair.server.get(), &byte, 1, 0) == 1);
    CHECK(byte == 'n');
}

TEST_CASE("calls on what is no socket are ENOTSOCK, and wrong arguments keep their errors") {
    auto [in, out] = make_pipe();
    char byte = 0;
    errno = 0;
    CHECK(rondo_recv(in.get(), &byte, 1, 0) == -1);
    CHECK(errno == ENOTSOCK);
    errno = 0;
    CHECK(rondo_accept(in.get(), nullptr, nullptr) == -1);
    CHECK(errno == ENOTSOCK);
    errno = 0;
    CHECK(rondo_socket(12345, SOCK_STREAM, 0) == -1);
    CHECK(errno == EAFNOSUPPORT);
    Fd fresh(rondo_socket(AF_INET, SOCK_STREAM, 0));
    errno = 0;
    CHECK(rondo_accept(fresh.get(), nullptr, nullptr) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(rondo_recv(fresh.get(), &byte, 1, 0) == -1);
    CHECK(errno == ENOTCONN);
    Connection pair = connect_unix();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    errno = 0;
    CHECK(rondo_read(pair.server.get(), bad_address<void>(), 1) == -1);
    CHECK(errno == EFAULT);
}
