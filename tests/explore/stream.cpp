// SPDX-License-Identifier: Apache-2.0
//
// Streams compared byte by byte: long writes through small buffers, reads that give up or are cancelled while bytes
// come, listeners that lose an acceptor.
#include <fcntl.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "scenarios.h"

namespace rondo::explore {

namespace {

char byte_at(size_t position) { return static_cast<char>(position * 131 + position / 509); }

ssize_t write_some(int fd, size_t from, size_t count, Random& random) {
    static char buffer[30'000];  // what is written is the same for everybody at this moment
    for (size_t i = 0; i < count; ++i) buffer[i] = byte_at(from + i);
    if (random.one_in(3)) {
        iovec parts[2] = {{buffer, count / 2}, {buffer + count / 2, count - count / 2}};
        return rondo_writev(fd, parts, 2);
    }
    return rondo_write(fd, buffer, count);
}

ssize_t read_some(int fd, size_t from, size_t count, Random& random) {
    static char buffer[30'000];
    if (random.one_in(3)) {
        pollfd watched{fd, POLLIN, 0};
        expect_equal(rondo_poll(&watched, 1, -1), 1, "poll");
    }
    ssize_t got = rondo_read(fd, buffer, count);
    for (ssize_t i = 0; i < got; ++i) expect(buffer[i] == byte_at(from + static_cast<size_t>(i)), "a stream's byte");
    return got;
}

void shrink_buffer(const Ends& ends) {
    int small = 1;
    rondo_setsockopt(ends.out, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    rondo_fcntl(ends.out, F_SETPIPE_SZ, 4096);
}

}  // namespace

void stream(Random& random) {
    Ends ends = some_pipe(random);
    shrink_buffer(ends);
    const size_t total = static_cast<size_t>(random.below(30'000));
    Crew crew;
    crew.add([ends, total, own = random.split()]() mutable {
        for (size_t sent = 0; sent < total;) {
            size_t count = std::min(total - sent, static_cast<size_t>(1 + own.below(30'000)));
            ssize_t wrote = write_some(ends.out, sent, count, own);
            expect(wrote > 0, "write");
            sent += static_cast<size_t>(wrote);
        }
        close_fd(ends.out);
    });
    crew.add([ends, total, own = random.split()]() mutable {
        size_t received = 0;
        ssize_t got;
        while ((got = read_some(ends.in, received, static_cast<size_t>(2'000 + own.below(28'000)), own)) > 0) {
            received += static_cast<size_t>(got);
        }
        expect_equal(got, 0, "the end of a stream");
        expect_equal(static_cast<long>(received), static_cast<long>(total), "bytes of a stream");
        close_fd(ends.in);
    });
}

// Readers give up by SO_RCVTIMEO or are cancelled while bytes arrive; each byte is received once, in order.
void receive_interrupted(Random& random) {
    Ends ends = socket_pair();
    timeval limit{0, 1 + random.below(kSpanUs)};
    if (random.one_in(2)) rondo_setsockopt(ends.in, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const size_t total = 1 + static_cast<size_t>(random.below(4));
    size_t received = 0;
    Crew writing;
    writing.add([ends, total, own = random.split()]() mutable {
        for (size_t i = 0; i < total; ++i) {
            if (own.one_in(2)) pause(own);
            char byte = byte_at(i);
            expect_equal(rondo_send(ends.out, &byte, 1, MSG_NOSIGNAL), 1, "send");
        }
    });
    while (received < total) {
        Crew reading;
        size_t reader = reading.add([&received, ends, total] {
            char byte;
            while (received < total) {
                ssize_t got = rondo_recv(ends.in, &byte, 1, 0);
                if (got < 0) expect_equal(errno, EAGAIN, "recv");
                if (got < 0) continue;
                expect(byte == byte_at(received), "a byte received in order");
                ++received;
            }
        });
        pause(random);
        reading.cancel(reader);
    }
    writing.join();
    close_both(ends);
}

// What an interrupted writer's calls told is what was sent.
void send_interrupted(Random& random) {
    Ends ends = socket_pair();
    shrink_buffer(ends);
    timeval limit{0, 1 + random.below(kSpanUs)};
    const bool timed = random.one_in(2);
    if (timed) rondo_setsockopt(ends.out, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    long told = 0, received = 0;
    Crew crew;
    size_t writer = crew.add([&told, ends] {
        static char block[6'000];
        ssize_t sent;
        while ((sent = rondo_send(ends.out, block, sizeof block, MSG_NOSIGNAL)) > 0) told += sent;
        expect_equal(errno, EAGAIN, "a writer's error");
    });
    static char buffer[8'000];
    auto receive = [&] {
        ssize_t got = rondo_recv(ends.in, buffer, sizeof buffer, MSG_DONTWAIT);
        expect(got > 0 || errno == EAGAIN, "recv");
        received += std::max(got, ssize_t{0});
        return got > 0;
    };
    for (int reads = random.below(4); reads > 0; --reads) {
        receive();
        pause(random);
    }
    if (!timed) crew.cancel(writer);
    crew.join(writer);
    while (receive()) {
    }
    expect_equal(received, told, "bytes of an interrupted writer");
    close_both(ends);
}

// An acceptor is cancelled while clients connect; every client is served, if need be by the one that is left.
void accept_cancelled(Random& random) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int listener = rondo_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_equal(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0, "bind");
    socklen_t length = sizeof address;
    expect_equal(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0, "getsockname");
    expect_equal(listen(listener, 8), 0, "listen");
    const int clients = 1 + random.below(3);
    int served = 0;
    Crew serving, calling;
    for (int i = 0; i < 2; ++i) {
        serving.add([listener, &served] {
            while (true) {
                int fd = rondo_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                expect(fd >= 0, "accept");
                rondo_setcancelstate(RONDO_CANCEL_DISABLE, nullptr);
                char byte = 0;
                expect_equal(rondo_read(fd, &byte, 1), 1, "a server's read");
                ++byte;
                expect_equal(rondo_write(fd, &byte, 1), 1, "a server's write");
                ++served;
                close_fd(fd);
                rondo_setcancelstate(RONDO_CANCEL_ENABLE, nullptr);
            }
        });
    }
    for (int i = 0; i < clients; ++i) {
        calling.add([address, length, i] {
            int fd = rondo_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            auto* generic = reinterpret_cast<const sockaddr*>(&address);
            expect_equal(rondo_connect(fd, generic, length), 0, "connect");
            char byte = static_cast<char>(i);
            expect_equal(rondo_write(fd, &byte, 1), 1, "a client's write");
            expect_equal(rondo_read(fd, &byte, 1), 1, "a client's read");
            expect_equal(byte, i + 1, "a client's own byte");
            close_fd(fd);
        });
    }
    pause(random);
    serving.cancel(0);
    calling.join();
    serving.cancel(1);
    serving.join();
    close_fd(listener);
    expect_equal(served, clients, "clients served");
}

}  // namespace rondo::explore
