// SPDX-License-Identifier: Apache-2.0
//
// Closing under those who wait on the descriptor: all of them return, none with bytes of the number's next owner, and
// the next owner loses none. Whether a reader that had not yet begun to wait meets the old or the new description is a
// matter of the schedule, so bytes are counted over both lives of the number.
#include <sys/un.h>

#include <algorithm>

#include "scenarios.h"

namespace rondo::explore {

namespace {

struct Tally {
    int sent = 0, received = 0;
};

void send_byte(int fd, Tally& tally) {
    expect_equal(rondo_write(fd, "b", 1), 1, "write");
    ++tally.sent;
}

void read_until_closed(int fd, Tally& tally) {
    char byte;
    ssize_t got;
    while ((got = rondo_read(fd, &byte, 1)) == 1) ++tally.received;
    expect_equal(got, -1, "a read after close");
    expect_equal(errno, EBADF, "a reader's error after close");
}

void drain(int fd, Tally& tally) {
    char buffer[64];
    ssize_t got;
    while ((got = rondo_recv(fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) tally.received += static_cast<int>(got);
}

}  // namespace

// The number is closed, replaced by dup2, or closed and taken again at once.
void close_readers(Random& random) {
    enum Way { kClose, kReplace, kReuse };
    Ends old = socket_pair(), fresh = socket_pair();
    const int number = rondo_dup(old.in);
    expect(number >= 0, "dup");
    const auto way = static_cast<Way>(random.below(3));
    Tally tally;
    Crew reading, closing;
    for (int i = 1 + random.below(3); i > 0; --i) reading.add([&tally, number] { read_until_closed(number, tally); });
    closing.add([=, own = random.split()]() mutable {
        pause(own);
        if (way != kReplace) close_fd(number);
        if (way != kClose) expect_equal(rondo_dup2(fresh.in, number), number, "dup2");
    });
    for (int bytes = random.below(3); bytes > 0; --bytes) {
        if (random.one_in(2)) pause(random);
        send_byte(old.out, tally);
        send_byte(fresh.out, tally);
    }
    if (random.one_in(4)) reading.cancel(0);
    closing.join();
    if (way != kClose) close_fd(number);
    reading.join();
    drain(old.in, tally);
    drain(fresh.in, tally);
    expect_equal(tally.received, tally.sent, "bytes over a number's two lives");
    close_both(old);
    close_both(fresh);
}

// A closed number is taken by another description at once, whose bytes must wake its own reader: what the worker knew
// of the number's former life does not count.
void close_reuse(Random& random) {
    int number = -1;
    for (int life = 2 + random.below(3); life > 0; --life) {
        Ends ends = some_pipe(random);
        if (number >= 0) expect(std::min(ends.in, ends.out) <= number, "the lowest free number is taken");
        Crew crew;
        int reads = 0;
        crew.add([ends, &reads] {
            char byte = 0;
            expect_equal(rondo_read(ends.in, &byte, 1), 1, "read");
            expect_equal(byte, 'r', "a byte");
            ++reads;
            expect_equal(rondo_read(ends.in, &byte, 1), 0, "the end");
        });
        pause(random);
        expect_equal(rondo_write(ends.out, "r", 1), 1, "write");
        if (random.one_in(2)) pause(random);
        close_fd(ends.out);
        crew.join();
        expect_equal(reads, 1, "bytes read");
        close_fd(ends.in);
        number = std::max(ends.in, ends.out);
    }
}

// Acceptors are told that their listener was closed; a client that came before is served or reset, but never waits.
void close_listener(Random& random) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const int listener = rondo_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof address;
    expect_equal(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0, "bind");
    expect_equal(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0, "getsockname");
    expect_equal(listen(listener, 4), 0, "listen");
    int accepted = 0, answered = 0;
    Crew crew;
    for (int i = 1 + random.below(2); i > 0; --i) {
        crew.add([listener, &accepted] {
            int fd;
            while ((fd = rondo_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0) {
                ++accepted;
                expect_equal(rondo_send(fd, "a", 1, MSG_NOSIGNAL), 1, "an acceptor's send");
                close_fd(fd);
            }
            expect_equal(errno, EBADF, "an acceptor's error after close");
        });
    }
    const int fd = rondo_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);  // before the listener's number is free
    crew.add([address, length, fd, &answered] {
        char byte;
        bool connected = rondo_connect(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0;
        if (connected && rondo_read(fd, &byte, 1) == 1) ++answered;
        close_fd(fd);
    });
    pause(random);
    close_fd(listener);
    crew.join();
    expect_equal(answered, accepted, "clients that were accepted");
}

// So are threads that wait in poll and in write.
void close_waiters(Random& random) {
    Ends ends = socket_pair();
    int small = 1;
    rondo_setsockopt(ends.out, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    Crew crew;
    int told = 0;
    crew.add([ends, &told] {
        static char block[200'000];
        ssize_t wrote = rondo_send(ends.out, block, sizeof block, MSG_NOSIGNAL);
        expect(wrote < static_cast<ssize_t>(sizeof block), "a write that nobody reads");
        if (wrote < 0) expect_equal(errno, EBADF, "a writer's error after close");
        ++told;
    });
    crew.add([ends, &told] {
        pollfd watched{ends.out, POLLPRI, 0};
        int ready = rondo_poll(&watched, 1, -1);
        expect_equal(ready, 1, "poll");
        expect((watched.revents & POLLNVAL) != 0, "what poll tells of a closed descriptor");
        ++told;
    });
    pause(random);
    close_fd(ends.out);
    crew.join();
    expect_equal(told, 2, "threads told");
    close_fd(ends.in);
}

}  // namespace rondo::explore
