// SPDX-License-Identifier: Apache-2.0
//
// Several threads at one descriptor, and descriptors that several numbers or processes name: readers beside readers and
// pollers; a description that gets to be shared while threads wait on it; what a duplicate, a passed and an inherited
// descriptor have in common with the first.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

// A listener made by the runtime, so known as the process's own.
Listener own_listener() {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    Fd fd(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(listen(fd.get(), 16) == 0);
    REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    return {std::move(fd), ntohs(address.sin_port)};
}

Fd dial(const Listener& listener) {
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    return client;
}

ssize_t send_fd(int over, int passed) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof passed)] = {};
    iovec vector{const_cast<char*>("f"), 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    *header = {CMSG_LEN(sizeof passed), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
    return rondo_sendmsg(over, &message, 0);
}

int receive_fd(int over) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    char byte;
    iovec vector{&byte, 1};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    REQUIRE(rondo_recvmsg(over, &message, MSG_CMSG_CLOEXEC) == 1);
    REQUIRE(message.msg_controllen >= CMSG_LEN(sizeof(int)));
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

Call accepting(int fd, std::atomic<int>* count) {
    return Call([fd, count] {
        int accepted = rondo_accept(fd, nullptr, nullptr);
        count->fetch_add(1);
        return ssize_t{accepted < 0 ? -1 : rondo_close(accepted)};
    });
}

bool nonblocking_in_kernel(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

}  // namespace

TEST_CASE("several readers of one descriptor get each byte once") {
    auto [in, out] = make_pipe();
    Connection unix_pair = connect_unix(), tcp = connect_tcp();
    for (auto [from, to] : {std::pair{in.get(), out.get()}, std::pair{unix_pair.server.get(), unix_pair.client.get()},
                            std::pair{tcp.server.get(), tcp.client.get()}}) {
        constexpr int kReaders = 10;
        char bytes[kReaders] = {};
        std::vector<Call> readers;
        for (char& byte : bytes) readers.emplace_back([&byte, fd = from] { return rondo_read(fd, &byte, 1); });
        for (Call& reader : readers) reader.await_parked();
        CHECK(rondo_write(to, "0123456789", kReaders) == kReaders);
        for (Call& reader : readers) CHECK(reader.result() == 1);
        std::sort(bytes, bytes + kReaders);
        CHECK(std::string(bytes, kReaders) == "0123456789");
    }
}

TEST_CASE("several writers of one full descriptor all get on, each with its bytes in one piece") {
    auto [in, out] = make_pipe();
    constexpr size_t kWriters = 6, kBytes = 100'000;
    int fd = out.get();
    std::vector<Call> writers;
    for (size_t i = 0; i < kWriters; ++i) {
        writers.emplace_back([fd, text = std::string(kBytes, static_cast<char>('a' + i))] {
            return rondo_write(fd, text.data(), text.size());
        });
    }
    for (Call& writer : writers) writer.await_parked();
    std::string all = read_up_to(in.get(), kWriters * kBytes);
    for (Call& writer : writers) CHECK(writer.result() == static_cast<ssize_t>(kBytes));
    for (size_t i = 0; i < kWriters; ++i) {
        CHECK(std::count(all.begin(), all.end(), static_cast<char>('a' + i)) == static_cast<long>(kBytes));
    }
}

TEST_CASE("a reader takes the byte, and the poller, selector and epoll waiter beside it go on or tell it") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    Fd set(rondo_epoll_create1(EPOLL_CLOEXEC));
    epoll_event member{};
    member.events = EPOLLIN;
    REQUIRE(epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &member) == 0);
    char byte;
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    pollfd watched{fd, POLLIN, 0};
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    Call selector([fd] {
        fd_set readable;
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        return ssize_t{rondo_select(fd + 1, &readable, nullptr, nullptr, nullptr)};
    });
    Call waiter([set = set.get()] {
        epoll_event event;
        return ssize_t{rondo_epoll_wait(set, &event, 1, -1)};
    });
    for (Call* call : {&reader, &poller, &selector, &waiter}) call->await_parked();
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(rondo_write(pair.client.get(), "y", 1) == 1);
    CHECK(poller.result() == 1);
    CHECK(selector.result() == 1);
    CHECK(waiter.result() == 1);
}

TEST_CASE("one thread waits to read and another to write, and each is told of its own") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    std::string text = pattern(2'000'000);
    pollfd readable{fd, POLLIN, 0}, writable{fd, POLLOUT, 0};
    Call writer([&text, fd] { return static_cast<ssize_t>(write_all(fd, text)); });
    writer.await_parked();
    Call read_poller([&readable] { return ssize_t{rondo_poll(&readable, 1, -1)}; });
    Call write_poller([&writable] { return ssize_t{rondo_poll(&writable, 1, -1)}; });
    read_poller.await_parked();
    write_poller.await_parked();
    CHECK((read_up_to(pair.client.get(), text.size()) == text));
    CHECK(writer.result() == static_cast<ssize_t>(text.size()));
    CHECK(write_poller.result() == 1);
    CHECK(writable.revents == POLLOUT);
    CHECK(rondo_write(pair.client.get(), "x", 1) == 1);
    CHECK(read_poller.result() == 1);
    CHECK(readable.revents == POLLIN);
}

TEST_CASE("a listener that is shared under its acceptors serves each connection once") {
    for (bool passed : {false, true}) {
        Listener listener = own_listener();
        int fd = listener.fd.get();
        std::atomic<int> accepted{0};
        std::vector<Call> acceptors;
        for (int i = 0; i < 3; ++i) acceptors.push_back(accepting(fd, &accepted));
        for (Call& acceptor : acceptors) acceptor.await_parked();
        Connection channel = connect_unix();
        if (passed) CHECK(send_fd(channel.client.get(), fd) == 1);
        Fd copy(passed ? receive_fd(channel.server.get()) : rondo_dup(fd));
        CHECK(!nonblocking_in_kernel(copy.get()));
        std::vector<Fd> clients;
        for (int i = 1; i <= 3; ++i) {
            clients.push_back(dial(listener));
            CHECK(eventually([&accepted, i] { return accepted.load() == i; }));
        }
        for (Call& acceptor : acceptors) CHECK(acceptor.result() == 0);
        Call late = accepting(copy.get(), &accepted);
        late.await_parked();
        clients.push_back(dial(listener));
        CHECK(late.result() == 0);
        CHECK(!nonblocking_in_kernel(fd));
    }
}

TEST_CASE("O_NONBLOCK is of the description: set on one number, it holds for its duplicates") {
    auto [in, out] = make_pipe();
    Fd copy(rondo_dup(in.get()));
    char byte;
    CHECK(rondo_fcntl(copy.get(), F_SETFL, O_NONBLOCK) == 0);
    errno = 0;
    CHECK(rondo_read(in.get(), &byte, 1) == -1);
    CHECK(errno == EAGAIN);
    CHECK(rondo_fcntl(in.get(), F_SETFL, 0) == 0);
    int fd = copy.get();
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    CHECK(rondo_write(out.get(), "x", 1) == 1);
    CHECK(reader.result() == 1);
}

TEST_CASE("an inherited description keeps its flags, and its waiters see what the child does") {
    auto [in, out] = make_pipe();
    auto [go_in, go_out] = make_pipe();
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        char byte;
        if (::read(go_in.get(), &byte, 1) != 1) _exit(1);
        _exit(::write(out.get(), "c", 1) == 1 && !nonblocking_in_kernel(in.get()) ? 0 : 2);
    }
    char byte = 0;
    int fd = in.get(), status = -1;
    Call reader([&byte, fd] { return rondo_read(fd, &byte, 1); });
    reader.await_parked();
    CHECK(!nonblocking_in_kernel(fd));
    CHECK(rondo_write(go_out.get(), "g", 1) == 1);
    CHECK(reader.result() == 1);
    CHECK(byte == 'c');
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("shutdown wakes every kind of waiter") {
    Connection pair = connect_tcp();
    int fd = pair.server.get();
    Fd set(rondo_epoll_create1(EPOLL_CLOEXEC));
    epoll_event member{};
    member.events = EPOLLIN;
    REQUIRE(epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &member) == 0);
    char bytes[2];
    iovec vector{bytes, 2};
    mmsghdr message{};
    message.msg_hdr.msg_iov = &vector;
    message.msg_hdr.msg_iovlen = 1;
    pollfd watched{fd, POLLIN, 0};
    std::vector<Call> ends;
    ends.emplace_back([fd, &bytes] { return rondo_recv(fd, bytes, 2, MSG_WAITALL); });
    ends.emplace_back([fd, &vector] { return rondo_readv(fd, &vector, 1); });
    Call receiver([fd, &message] { return ssize_t{rondo_recvmmsg(fd, &message, 1, 0, nullptr)}; });
    Call poller([&watched] { return ssize_t{rondo_poll(&watched, 1, -1)}; });
    Call waiter([set = set.get()] {
        epoll_event event;
        return ssize_t{rondo_epoll_wait(set, &event, 1, -1)};
    });
    for (Call& call : ends) call.await_parked();
    for (Call* call : {&receiver, &poller, &waiter}) call->await_parked();
    CHECK(shutdown(fd, SHUT_RD) == 0);
    for (Call& call : ends) CHECK(call.result() == 0);
    CHECK(receiver.result() == 1);
    CHECK(message.msg_len == 0);
    CHECK(poller.result() == 1);
    CHECK(waiter.result() == 1);
}
