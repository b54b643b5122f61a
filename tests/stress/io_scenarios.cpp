// SPDX-License-Identifier: Apache-2.0
//
// Stress of descriptors: streams compared byte by byte, and bytes, connections and numbers accounted for while readers
// time out, are cancelled, or have their descriptor closed or replaced under them. A number that is closed under its
// users is one of the scenario's own, high up where the kernel hands out none: a late reader must not meet another
// scenario's descriptor. Whether it meets the old or the new description of its own scenario is a matter of luck, so
// bytes are counted over both: each is received once or still there at the end.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "stress.h"

namespace rondo::stress {

namespace {

struct Ends {
    int in, out;
};

void set_timeout(int fd, int option, int microseconds) {
    timeval limit{0, microseconds};
    expect_equal(rondo_setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit), 0, "setsockopt");
}

Ends socket_pair() {
    int two[2];
    expect_equal(rondo_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two), 0, "socketpair");
    return {two[0], two[1]};
}

int listen_loopback(sockaddr_in* address) {
    int listener = rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *address = {};
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof *address;
    auto* generic = reinterpret_cast<sockaddr*>(address);
    expect_equal(bind(listener, generic, length), 0, "bind");
    expect_equal(listen(listener, 64), 0, "listen");
    expect_equal(getsockname(listener, generic, &length), 0, "getsockname");
    return listener;
}

// Leaves no connection in TIME_WAIT: the ports would run out. Of a pipe it is a plain close.
void close_hard(int fd) {
    linger reset{1, 0};
    rondo_setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    expect_equal(rondo_close(fd), 0, "close");
}

int dial(const sockaddr_in& address) {
    int fd = rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect_equal(rondo_connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0, "connect");
    return fd;
}

Ends some_ends(Random& random) {
    int kind = random.below(3);
    if (kind == 0) {
        int two[2];
        expect_equal(rondo_pipe2(two, O_CLOEXEC), 0, "pipe2");
        return {two[0], two[1]};
    }
    if (kind == 1) return socket_pair();
    sockaddr_in address;
    int listener = listen_loopback(&address);
    int client = dial(address);
    int server = rondo_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    expect(server >= 0, "accept");
    expect_equal(rondo_close(listener), 0, "close");
    return {server, client};
}

char byte_at(size_t position) { return static_cast<char>(position * 131 + position / 509); }

ssize_t write_some(int fd, size_t from, size_t count, Random& random) {
    char buffer[3000];
    for (size_t i = 0; i < count; ++i) buffer[i] = byte_at(from + i);
    if (random.one_in(3)) {
        iovec parts[2] = {{buffer, count / 2}, {buffer + count / 2, count - count / 2}};
        return rondo_writev(fd, parts, 2);
    }
    return rondo_write(fd, buffer, count);
}

// Reads up to `count` bytes in one of several ways and compares them with what belongs there.
ssize_t read_some(int fd, size_t from, size_t count, Random& random) {
    char buffer[3000];
    if (random.one_in(3)) {
        pollfd watched{fd, POLLIN, 0};
        expect_equal(rondo_poll(&watched, 1, -1), 1, "poll");
    }
    ssize_t got;
    if (random.one_in(3)) {
        iovec parts[2] = {{buffer, count / 3}, {buffer + count / 3, count - count / 3}};
        got = rondo_readv(fd, parts, 2);
    } else {
        got = rondo_read(fd, buffer, count);
    }
    for (ssize_t i = 0; i < got; ++i) expect(buffer[i] == byte_at(from + static_cast<size_t>(i)), "a stream's byte");
    return got;
}

void stream(Random& random) {
    Ends ends = some_ends(random);
    const size_t total = static_cast<size_t>(random.below(random.one_in(8) ? 400'000 : 20'000));
    Crew crew;
    crew.add_somewhere(random, [ends, total, own = random.split()]() mutable {
        for (size_t sent = 0; sent < total;) {
            size_t count = std::min(total - sent, static_cast<size_t>(1 + own.below(3000)));
            ssize_t wrote = write_some(ends.out, sent, count, own);
            expect_equal(wrote, static_cast<long>(count), "a blocking write");
            sent += count;
            if (own.one_in(20)) jitter(own);
        }
        expect_equal(rondo_close(ends.out), 0, "close");
    });
    crew.add([ends, total, own = random.split()]() mutable {
        size_t received = 0;
        ssize_t got;
        while ((got = read_some(ends.in, received, static_cast<size_t>(3 + own.below(2990)), own)) > 0) {
            received += static_cast<size_t>(got);
            if (own.one_in(20)) jitter(own);
        }
        expect_equal(got, 0, "the end of a stream");
        expect_equal(static_cast<long>(received), static_cast<long>(total), "bytes of a stream");
        close_hard(ends.in);
    });
}

// Moves the descriptor to a number that was not used for the last thousands of rounds.
int to_private_number(int fd) {
    static std::atomic<int> next{0};
    static const int half = static_cast<int>(std::min(sysconf(_SC_OPEN_MAX), 1L << 16)) / 2;
    int number = half + next.fetch_add(1) % (half - 1);
    expect_equal(rondo_dup3(fd, number, O_CLOEXEC), number, "dup3");
    expect_equal(rondo_close(fd), 0, "close");
    return number;
}

struct Tally {
    std::atomic<long> sent{0}, received{0};
};

void send_byte(int fd, Tally* tally) {
    expect_equal(rondo_write(fd, "b", 1), 1, "write");
    tally->sent.fetch_add(1);
}

void read_until_closed(int fd, Tally* tally) {
    char byte;
    ssize_t got;
    while ((got = rondo_read(fd, &byte, 1)) == 1) tally->received.fetch_add(1);
    expect_equal(got, -1, "a read after close");
    expect_equal(errno, EBADF, "a reader's error after close");
}

void drain_and_close(int fd, Tally* tally) {
    char buffer[256];
    ssize_t got;
    while ((got = rondo_recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) tally->received.fetch_add(got);
    expect_equal(rondo_close(fd), 0, "close");
}

// A number is closed under its readers, replaced by dup2, or closed and taken again at once. All readers return in the
// end, and no byte of either description is lost.
void close_under_readers(Random& random) {
    enum Way { kClose, kReplace, kReuse };
    Ends old = socket_pair(), fresh = socket_pair();
    const int number = to_private_number(rondo_dup(old.in));
    const auto way = static_cast<Way>(random.below(3));
    Tally tally;
    Crew reading, closing;
    const int readers = 1 + random.below(4);
    for (int i = 0; i < readers; ++i) reading.add([&tally, number] { read_until_closed(number, &tally); });
    closing.add_somewhere(random, [=, own = random.split()]() mutable {
        jitter(own);
        if (way != kReplace) expect_equal(rondo_close(number), 0, "close");
        if (way != kClose) expect_equal(rondo_dup2(fresh.in, number), number, "dup2");
    });
    for (int bytes = random.below(5); bytes > 0; --bytes) {
        if (random.one_in(2)) jitter(random);
        send_byte(old.out, &tally);
        send_byte(fresh.out, &tally);
    }
    if (random.one_in(3)) reading.cancel(0);
    closing.join();
    if (way != kClose) expect_equal(rondo_close(number), 0, "close");
    reading.join();
    drain_and_close(old.in, &tally);
    drain_and_close(fresh.in, &tally);
    expect_equal(tally.received.load(), tally.sent.load(), "bytes over a number's two lives");
    expect_equal(rondo_close(old.out), 0, "close");
    expect_equal(rondo_close(fresh.out), 0, "close");
}

// Readers give up by SO_RCVTIMEO or are cancelled while bytes arrive; each byte is received once, in order.
void receive_interrupted(Random& random) {
    Ends ends = socket_pair();
    const bool timed = random.one_in(2);
    if (timed) set_timeout(ends.in, SO_RCVTIMEO, 1 + random.below(300));
    const size_t total = 1 + static_cast<size_t>(random.below(40));
    size_t received = 0;
    Crew writing;
    writing.add_somewhere(random, [ends, total, own = random.split()]() mutable {
        for (size_t i = 0; i < total; ++i) {
            if (own.one_in(3)) jitter(own);
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
                expect_equal(got, 1, "recv");
                expect(byte == byte_at(received), "a byte received in order");
                ++received;
            }
        });
        jitter(random);
        reading.cancel(reader);
    }
    writing.join();
    expect_equal(static_cast<long>(received), static_cast<long>(total), "bytes received");
    expect_equal(rondo_close(ends.in), 0, "close");
    expect_equal(rondo_close(ends.out), 0, "close");
}

// Acceptors are cancelled while clients connect; every client is served, if need be by the one that is left.
void accept_cancelled(Random& random) {
    sockaddr_in address;
    const int listener = listen_loopback(&address);
    const int clients = 1 + random.below(5);
    const size_t victims = static_cast<size_t>(random.below(3));
    std::atomic<int> served{0};
    auto serve = [listener, &served] {
        int fd = rondo_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        expect(fd >= 0, "accept");
        rondo_setcancelstate(RONDO_CANCEL_DISABLE, nullptr);
        char byte = 0;
        expect_equal(rondo_read(fd, &byte, 1), 1, "a server's read");
        expect_equal(rondo_write(fd, &byte, 1), 1, "a server's write");
        served.fetch_add(1);
        expect(rondo_read(fd, &byte, 1) <= 0, "a server's read after the reset");
        expect_equal(rondo_close(fd), 0, "close");
        rondo_setcancelstate(RONDO_CANCEL_ENABLE, nullptr);
    };
    Crew serving, calling;
    for (size_t i = 0; i <= victims; ++i) {
        serving.add([serve] {
            while (true) serve();
        });
    }
    for (int i = 0; i < clients; ++i) {
        calling.add_somewhere(random, [address, i] {
            int fd = dial(address);
            char byte = static_cast<char>(i);
            expect_equal(rondo_write(fd, &byte, 1), 1, "a client's write");
            byte = -1;
            expect_equal(rondo_read(fd, &byte, 1), 1, "a client's read");
            expect_equal(byte, i, "a client's own byte");
            close_hard(fd);
        });
    }
    for (size_t i = 0; i < victims; ++i) {
        jitter(random);
        serving.cancel(i);
    }
    calling.join();
    serving.cancel(victims);
    serving.join();
    expect_equal(rondo_close(listener), 0, "close");
    expect_equal(served.load(), clients, "clients served");
}

// One thread polls several descriptors with all kinds of timeouts and reads what it is told of.
void poll_many(Random& random) {
    constexpr size_t kPairs = 4;
    Ends ends[kPairs];
    for (Ends& each : ends) each = socket_pair();
    const int messages = 5 + random.below(30);
    Crew crew;
    crew.add([&ends, messages, own = random.split()]() mutable {
        pollfd watched[kPairs + 1];
        for (size_t i = 0; i < kPairs; ++i) watched[i] = {ends[i].in, POLLIN, 0};
        watched[kPairs] = watched[0];
        for (int received = 0; received < messages;) {
            int timeout = own.below(4) - 1;
            int ready = rondo_poll(watched, kPairs + 1, timeout);
            expect(ready > 0 || (ready == 0 && timeout >= 0), "poll");
            for (size_t i = 0; i < kPairs; ++i) {
                char byte;
                if ((watched[i].revents & POLLIN) == 0) continue;
                expect_equal(rondo_read(watched[i].fd, &byte, 1), 1, "a read after poll");
                ++received;
            }
        }
    });
    crew.add_somewhere(random, [&ends, messages, own = random.split()]() mutable {
        for (int i = 0; i < messages; ++i) {
            if (own.one_in(3)) jitter(own);
            expect_equal(rondo_write(ends[own.below(kPairs)].out, "m", 1), 1, "write");
        }
    });
    crew.join();
    for (const Ends& each : ends) {
        expect_equal(rondo_close(each.in), 0, "close");
        expect_equal(rondo_close(each.out), 0, "close");
    }
}

struct Sending {
    Ends ends;
    std::atomic<long> sent{0};
};

void send_until_error(Sending* sending) {
    std::string block(50'000, 's');
    ssize_t sent = 1;
    while (sent > 0) {
        sent = rondo_send(sending->ends.out, block.data(), block.size(), MSG_NOSIGNAL);
        if (sent > 0) sending->sent.fetch_add(sent);
    }
    expect(errno == EPIPE || errno == EAGAIN || errno == ECONNRESET, "a writer's error");
}

// A writer blocked on a full socket is let on, then cancelled or timed out, and what its calls told is what was sent;
// or it is told that its reader is gone.
void send_interrupted(Random& random) {
    Sending sending{socket_pair()};
    const Ends ends = sending.ends;
    int small = 4096;
    expect_equal(rondo_setsockopt(ends.out, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0, "setsockopt");
    const bool timed = random.one_in(3), cancelled = !timed && random.one_in(2);
    if (timed) set_timeout(ends.out, SO_SNDTIMEO, 1 + random.below(500));
    Crew crew;
    size_t writer = crew.add([&sending] { send_until_error(&sending); });
    long received = 0;
    char buffer[10'000];
    auto receive = [&] {
        ssize_t got = rondo_recv(ends.in, buffer, sizeof buffer, MSG_DONTWAIT);
        expect(got > 0 || errno == EAGAIN, "recv");
        received += got > 0 ? got : 0;
        return got > 0;
    };
    for (int reads = random.below(4); reads > 0; --reads) {
        receive();
        jitter(random);
    }
    if (cancelled) crew.cancel(writer);
    if (cancelled || timed) {
        crew.join(writer);
        while (receive()) {
        }
        expect_equal(received, sending.sent.load(), "bytes of an interrupted writer");
    }
    expect_equal(rondo_close(ends.in), 0, "close");
    crew.join();
    expect_equal(rondo_close(ends.out), 0, "close");
}

constexpr Scenario kScenarios[] = {
    {"stream", stream},
    {"close_under_readers", close_under_readers},
    {"receive_interrupted", receive_interrupted},
    {"accept_cancelled", accept_cancelled},
    {"poll_many", poll_many},
    {"send_interrupted", send_interrupted},
};

}  // namespace

std::span<const Scenario> io_scenarios() { return kScenarios; }

}  // namespace rondo::stress
