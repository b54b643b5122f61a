// SPDX-License-Identifier: Apache-2.0
//
// Cancellation of threads that wait on descriptors: each such call acts on a cancel, parked or pending; the descriptor
// stays usable, no byte is lost, and a call that has moved bytes reports them instead.
#include <functional>

#include "cancel_support.h"
#include "io_support.h"

using namespace rondo::api_test;

namespace {

void fill(int fd) {
    std::string block = pattern(1 << 16);
    int calls = 0;
    while (rondo_send(fd, block.data(), block.size(), MSG_DONTWAIT) > 0 && ++calls < 10'000) {
    }
}

}  // namespace

TEST_CASE("each call that receives acts on a cancel, and the data stays for the next") {
    Connection pair = connect_unix();
    int fd = pair.server.get();
    char byte = 0;
    iovec one{&byte, 1};
    msghdr message{};
    message.msg_iov = &one;
    message.msg_iovlen = 1;
    const std::vector<std::function<void()>> calls = {
        [&] { rondo_read(fd, &byte, 1); },
        [&] { rondo_readv(fd, &one, 1); },
        [&] { rondo_recv(fd, &byte, 1, 0); },
        [&] { rondo_recvfrom(fd, &byte, 1, 0, nullptr, nullptr); },
        [&] { rondo_recvmsg(fd, &message, 0); },
        [&] {
            pollfd watched{fd, POLLIN, 0};
            rondo_poll(&watched, 1, -1);
        },
        [&] {
            pollfd watched{fd, POLLIN, 0};
            rondo_poll(&watched, 1, 100'000);
        },
    };
    for (const auto& call : calls) cancel_parked(call);
    CHECK(rondo_write(pair.client.get(), "xyz", 3) == 3);
    for (const auto& call : calls) cancel_pending(call);
    CHECK(read_up_to(fd, 3) == "xyz");
}

TEST_CASE("each call that sends acts on a cancel") {
    Connection pair = connect_unix();
    int fd = pair.client.get();
    fill(fd);
    char byte = 'c';
    iovec one{&byte, 1};
    msghdr message{};
    message.msg_iov = &one;
    message.msg_iovlen = 1;
    const std::vector<std::function<void()>> calls = {
        [&] { rondo_write(fd, &byte, 1); },      [&] { rondo_writev(fd, &one, 1); },
        [&] { rondo_send(fd, &byte, 1, 0); },    [&] { rondo_sendto(fd, &byte, 1, 0, nullptr, 0); },
        [&] { rondo_sendmsg(fd, &message, 0); },
    };
    for (const auto& call : calls) cancel_parked(call);
    for (const auto& call : calls) cancel_pending(call);
}

TEST_CASE("accept and connect act on a cancel, and the listener goes on") {
    Listener listener = listen_tcp();
    int fd = listener.fd.get();
    cancel_parked([fd] { rondo_accept(fd, nullptr, nullptr); });
    cancel_parked([fd] { rondo_accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); });
    cancel_pending([fd] { rondo_accept(fd, nullptr, nullptr); });
    sockaddr_in address = loopback(listener.port);
    Fd client(rondo_socket(AF_INET, SOCK_STREAM, 0));
    CHECK(rondo_connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    Fd server(rondo_accept(fd, nullptr, nullptr));
    CHECK(server.get() >= 0);
    Fd late(rondo_socket(AF_INET, SOCK_STREAM, 0));
    cancel_pending([&] { rondo_connect(late.get(), reinterpret_cast<sockaddr*>(&address), sizeof address); });
}

TEST_CASE("a cancelled pipe reader and writer leave the pipe whole") {
    auto [in, out] = make_pipe();
    int reading = in.get();
    char byte = 0;
    cancel_parked([&] { rondo_read(reading, &byte, 1); });
    CHECK(rondo_write(out.get(), "p", 1) == 1);
    CHECK(rondo_read(reading, &byte, 1) == 1);
    CHECK(byte == 'p');
}

TEST_CASE("a cancel while bytes arrive loses none of them" * doctest::skip(kNptl)) {
    for (int round = 0; round < 300; ++round) {
        Connection pair = connect_unix();
        char byte = 0;
        ssize_t got = 0;
        Thread reader([&] { got = rondo_read(pair.server.get(), &byte, 1); });
        if (round % 2 == 0) reader.await_parked();
        Thread writer([&] { rondo_write(pair.client.get(), "b", 1); });
        reader.cancel();
        bool canceled = reader.join() == RONDO_CANCELED;
        writer.join();
        if (canceled) got = rondo_recv(pair.server.get(), &byte, 1, MSG_DONTWAIT);
        CHECK(got == 1);
        CHECK(byte == 'b');
    }
}

TEST_CASE("a disabled thread reads on through a cancel") {
    Connection pair = connect_unix();
    char byte = 0;
    ssize_t got = 0;
    Thread reader([&] {
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, nullptr);
        got = rondo_read(pair.server.get(), &byte, 1);
    });
    reader.await_parked();
    reader.cancel();
    CHECK(rondo_write(pair.client.get(), "k", 1) == 1);
    CHECK(reader.join() == nullptr);
    CHECK(got == 1);
}

TEST_CASE("nothing stays pending after cancelled operations" * doctest::skip(kNptl)) {
    Connection pair = connect_unix();
    std::vector<Thread> readers;
    for (int i = 0; i < 50; ++i) {
        readers.emplace_back([&pair] {
            char byte;
            rondo_read(pair.server.get(), &byte, 1);
        });
    }
    for (Thread& reader : readers) reader.cancel();
    for (Thread& reader : readers) CHECK(reader.join() == RONDO_CANCELED);
    rondo_stats stats;
    rondo_get_stats(&stats);
    CHECK(stats.pending_io == 0);
}
