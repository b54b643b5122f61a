// SPDX-License-Identifier: Apache-2.0
//
// Byte streams: pipes, socket pairs and TCP carry large data through small buffers byte for byte; end of stream,
// partial reads, vectors, the MSG flags, and writing to a peer that is gone.
#include <signal.h>

#include "io_support.h"

using namespace rondo::api_test;

namespace {

constexpr size_t kLarge = 3 << 20;

// Sends `text` one way and checks that it arrives whole, followed by the end of the stream.
void transfer(Fd reader, Fd writer, size_t write_chunk, size_t read_chunk) {
    std::string sent = pattern(kLarge), got;
    size_t wrote = 0;
    Thread producer([&] {
        wrote = write_all(writer.get(), sent, write_chunk);
        writer.reset();
    });
    Thread consumer([&] { got = read_up_to(reader.get(), SIZE_MAX, read_chunk); });
    producer.join();
    consumer.join();
    CHECK(wrote == kLarge);
    CHECK(got.size() == kLarge);
    CHECK((got == sent));
}

void ignore_sigpipe() { signal(SIGPIPE, SIG_IGN); }

}  // namespace

TEST_CASE("a pipe carries large data through its small buffer") {
    auto [reader, writer] = make_pipe();
    transfer(std::move(reader), std::move(writer), SIZE_MAX, 10'000);
    auto [again_reader, again_writer] = make_pipe();
    transfer(std::move(again_reader), std::move(again_writer), 777, 70'000);
}

TEST_CASE("a socket pair carries large data") {
    Connection pair = connect_unix();
    transfer(std::move(pair.client), std::move(pair.server), SIZE_MAX, 8192);
}

TEST_CASE("a TCP connection carries large data through small buffers") {
    Connection connection = connect_tcp();
    int small = 4096;
    REQUIRE(rondo_setsockopt(connection.client.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    transfer(std::move(connection.server), std::move(connection.client), SIZE_MAX, 65'536);
}

TEST_CASE("both directions of a connection flow at once") {
    Connection connection = connect_tcp();
    std::string to_server = pattern(kLarge, 3), to_client = pattern(kLarge, 9), at_server, at_client;
    {
        Thread client_out([&] { write_all(connection.client.get(), to_server); });
        Thread server_out([&] { write_all(connection.server.get(), to_client); });
        Thread client_in([&] { at_client = read_up_to(connection.client.get(), kLarge); });
        Thread server_in([&] { at_server = read_up_to(connection.server.get(), kLarge); });
    }
    CHECK((at_server == to_server));
    CHECK((at_client == to_client));
}

TEST_CASE("a blocking write returns the whole count") {
    auto [reader, writer] = make_pipe();
    std::string text = pattern(1 << 20);
    int out = writer.get();
    Call write([&text, out] { return rondo_write(out, text.data(), text.size()); });
    CHECK((read_up_to(reader.get(), text.size()) == text));
    CHECK(write.result() == static_cast<ssize_t>(text.size()));
    Connection pair = connect_unix();
    out = pair.client.get();
    Call send([&text, out] { return rondo_send(out, text.data(), text.size(), 0); });
    CHECK((read_up_to(pair.server.get(), text.size()) == text));
    CHECK(send.result() == static_cast<ssize_t>(text.size()));
}

TEST_CASE("a read returns what is there, without waiting for more") {
    for (bool tcp : {false, true}) {
        Connection pair = tcp ? connect_tcp() : connect_unix();
        char buffer[64];
        int in = pair.server.get();
        Call read([&buffer, in] { return rondo_read(in, buffer, sizeof buffer); });
        read.await_parked();
        CHECK(rondo_write(pair.client.get(), "abc", 3) == 3);
        CHECK(read.result() == 3);
        CHECK(std::string(buffer, 3) == "abc");
    }
}

TEST_CASE("the end of the stream wakes a parked reader, and stays") {
    auto [reader, writer] = make_pipe();
    char byte;
    int in = reader.get();
    Call read([&byte, in] { return rondo_read(in, &byte, 1); });
    read.await_parked();
    writer.reset();
    CHECK(read.result() == 0);
    CHECK(rondo_read(reader.get(), &byte, 1) == 0);
    Connection tcp = connect_tcp();
    in = tcp.server.get();
    Call recv([&byte, in] { return rondo_recv(in, &byte, 1, 0); });
    recv.await_parked();
    tcp.client.reset();
    CHECK(recv.result() == 0);
    CHECK(rondo_recv(tcp.server.get(), &byte, 1, 0) == 0);
}

TEST_CASE("zero bytes are zero bytes") {
    Connection pair = connect_unix();
    char byte = 0;
    CHECK(rondo_read(pair.client.get(), &byte, 0) == 0);
    CHECK(rondo_write(pair.client.get(), &byte, 0) == 0);
}

TEST_CASE("writing to a pipe or socket without a reader is EPIPE") {
    ignore_sigpipe();
    auto [reader, writer] = make_pipe();
    reader.reset();
    errno = 0;
    CHECK(rondo_write(writer.get(), "x", 1) == -1);
    CHECK(errno == EPIPE);
    Connection pair = connect_unix();
    pair.server.reset();
    errno = 0;
    CHECK(rondo_send(pair.client.get(), "x", 1, MSG_NOSIGNAL) == -1);
    CHECK(errno == EPIPE);
}

TEST_CASE("a writer parked on a full buffer is told when the reader goes") {
    ignore_sigpipe();
    for (bool use_pipe : {true, false}) {
        Fd reader, writer;
        if (use_pipe) {
            std::tie(reader, writer) = make_pipe();
        } else {
            Connection pair = connect_unix();
            reader = std::move(pair.server);
            writer = std::move(pair.client);
        }
        std::string text = pattern(4 << 20);
        size_t wrote = 0;
        int out = writer.get();
        Call write([&] {
            wrote = write_all(out, text);
            return ssize_t{wrote < text.size() ? -1 : 0};
        });
        write.await_parked();
        reader.reset();
        CHECK(write.result() == -1);
        CHECK((write.error() == EPIPE || write.error() == ECONNRESET));
        CHECK(wrote < text.size());
    }
}

TEST_CASE("a reset connection reads ECONNRESET") {
    Connection tcp = connect_tcp();
    char byte;
    int in = tcp.server.get();
    Call read([&byte, in] { return rondo_read(in, &byte, 1); });
    read.await_parked();
    linger abort_on_close{1, 0};
    REQUIRE(rondo_setsockopt(tcp.client.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close) == 0);
    tcp.client.reset();
    CHECK(read.result() == -1);
    CHECK(read.error() == ECONNRESET);
}

TEST_CASE("vectors gather and scatter, also when they park in the middle") {
    auto [reader, writer] = make_pipe();
    std::string first = pattern(100'000, 1), second = pattern(150'000, 2), third = pattern(3, 3);
    iovec out[3] = {{first.data(), first.size()}, {second.data(), second.size()}, {third.data(), third.size()}};
    size_t total = first.size() + second.size() + third.size();
    int to = writer.get();
    Call write([&out, to] { return rondo_writev(to, out, 3); });
    std::string a(10, 0), b(5, 0), got;
    iovec in[2] = {{a.data(), a.size()}, {b.data(), b.size()}};
    ssize_t count = rondo_readv(reader.get(), in, 2);
    CHECK(count == 15);
    got = a + b + read_up_to(reader.get(), total - 15);
    CHECK(write.result() == static_cast<ssize_t>(total));
    CHECK((got == first + second + third));
    volatile int negative = -1;
    errno = 0;
    CHECK(rondo_readv(reader.get(), in, negative) == -1);
    CHECK(errno == EINVAL);
}

TEST_CASE("readv waits for the first byte") {
    Connection pair = connect_unix();
    char a[2], b[10];
    int from = pair.server.get();
    Call read([&, from] {
        iovec in[2] = {{a, sizeof a}, {b, sizeof b}};
        return rondo_readv(from, in, 2);
    });
    read.await_parked();
    CHECK(rondo_write(pair.client.get(), "12345", 5) == 5);
    CHECK(read.result() == 5);
    CHECK(std::string(a, 2) + std::string(b, 3) == "12345");
}

TEST_CASE("MSG_WAITALL gathers the full count, or what came before the end") {
    Connection pair = connect_tcp();
    char buffer[10];
    int from = pair.server.get();
    auto receive = [&buffer, from] { return rondo_recv(from, buffer, sizeof buffer, MSG_WAITALL); };
    Call whole(receive);
    whole.await_parked();
    CHECK(rondo_write(pair.client.get(), "1234", 4) == 4);
    whole.await_parked();
    CHECK(rondo_write(pair.client.get(), "567890ab", 8) == 8);
    CHECK(whole.result() == 10);
    CHECK(std::string(buffer, 10) == "1234567890");
    Call rest(receive);
    pair.client.reset();
    CHECK(rest.result() == 2);
    CHECK(std::string(buffer, 2) == "ab");
}

TEST_CASE("MSG_PEEK waits and leaves the data") {
    Connection pair = connect_unix();
    char byte = 0;
    int from = pair.server.get();
    Call peek([&byte, from] { return rondo_recv(from, &byte, 1, MSG_PEEK); });
    peek.await_parked();
    CHECK(rondo_write(pair.client.get(), "q", 1) == 1);
    CHECK(peek.result() == 1);
    CHECK(byte == 'q');
    byte = 0;
    CHECK(rondo_recv(from, &byte, 1, 0) == 1);
    CHECK(byte == 'q');
}

TEST_CASE("MSG_DONTWAIT never waits") {
    Connection pair = connect_unix();
    char byte;
    errno = 0;
    CHECK(rondo_recv(pair.server.get(), &byte, 1, MSG_DONTWAIT) == -1);
    CHECK(errno == EAGAIN);
    std::string block = pattern(65'536);
    ssize_t sent = 0;
    int calls = 0;
    while (sent >= 0 && ++calls < 1000) sent = rondo_send(pair.client.get(), block.data(), block.size(), MSG_DONTWAIT);
    CHECK(sent == -1);
    CHECK(errno == EAGAIN);
}

TEST_CASE("two readers on one descriptor share the bytes, each byte once") {
    Connection pair = connect_unix();
    std::string sent = pattern(200'000);
    std::atomic<long> bytes{0}, sum{0};
    {
        std::vector<Thread> readers;
        for (int i = 0; i < 4; ++i) {
            readers.emplace_back([&] {
                std::string got = read_up_to(pair.server.get(), SIZE_MAX, 1000);
                bytes.fetch_add(static_cast<long>(got.size()));
                for (unsigned char c : got) sum.fetch_add(c);
            });
        }
        write_all(pair.client.get(), sent, 500);
        pair.client.reset();
    }
    long expected = 0;
    for (unsigned char c : sent) expected += c;
    CHECK(bytes.load() == static_cast<long>(sent.size()));
    CHECK(sum.load() == expected);
}

TEST_CASE("a reader and a writer may wait on one descriptor") {
    Connection pair = connect_unix();
    std::string text = pattern(1 << 20);
    int fd = pair.client.get();
    char byte = 0;
    Call read([&byte, fd] { return rondo_read(fd, &byte, 1); });
    read.await_parked();
    Call write([&text, fd] { return rondo_write(fd, text.data(), text.size()); });
    write.await_parked();
    CHECK(rondo_write(pair.server.get(), "r", 1) == 1);
    CHECK(read.result() == 1);
    CHECK(byte == 'r');
    CHECK((read_up_to(pair.server.get(), text.size()) == text));
    CHECK(write.result() == static_cast<ssize_t>(text.size()));
}

TEST_CASE("a bad descriptor is EBADF") {
    char byte = 0;
    errno = 0;
    CHECK(rondo_read(-1, &byte, 1) == -1);
    CHECK(errno == EBADF);
    errno = 0;
    CHECK(rondo_write(1'000'000, &byte, 1) == -1);
    CHECK(errno == EBADF);
    errno = 0;
    CHECK(rondo_close(-1) == -1);
    CHECK(errno == EBADF);
    errno = 0;
    CHECK(rondo_recv(0x7fffffff, &byte, 1, 0) == -1);
    CHECK(errno == EBADF);
}
