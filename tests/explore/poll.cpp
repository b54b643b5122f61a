// SPDX-License-Identifier: Apache-2.0
//
// Waiting for several descriptors: everything that is sent is told of, a call that has returned is out of every queue
// it waited in, and two threads that wait for the same descriptor are both told.
#include "scenarios.h"

namespace rondo::explore {

namespace {

constexpr size_t kPairs = 3;

}  // namespace

void poll_many(Random& random) {
    Ends ends[kPairs];
    for (Ends& each : ends) each = some_pipe(random);
    const int messages = 1 + random.below(5);
    Crew crew;
    crew.add([&ends, messages, own = random.split()]() mutable {
        pollfd watched[kPairs + 1];
        for (size_t i = 0; i < kPairs; ++i) watched[i] = {ends[i].in, POLLIN, 0};
        watched[kPairs] = watched[0];
        for (int received = 0; received < messages;) {
            int timeout = own.below(3) - 1;
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
    crew.add([&ends, messages, own = random.split()]() mutable {
        for (int i = 0; i < messages; ++i) {
            if (own.one_in(2)) pause(own);
            expect_equal(rondo_write(ends[own.below(kPairs)].out, "m", 1), 1, "write");
        }
    });
    crew.join();
    for (const Ends& each : ends) close_both(each);
}

// Two threads share an epoll set; between them they are told of every message.
void epoll_shared(Random& random) {
    Ends ends[kPairs];
    const int set = rondo_epoll_create1(EPOLL_CLOEXEC);
    expect(set >= 0, "epoll_create1");
    for (Ends& each : ends) {
        each = socket_pair();
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = each.in;
        expect_equal(epoll_ctl(set, EPOLL_CTL_ADD, each.in, &event), 0, "epoll_ctl");
    }
    const int messages = 1 + random.below(5);
    int received = 0;
    Crew crew;
    for (int i = 0; i < 2; ++i) {
        crew.add([set, messages, &received, own = random.split()]() mutable {
            while (received < messages) {
                epoll_event events[2];
                int ready = rondo_epoll_wait(set, events, 2, own.below(2));
                expect(ready >= 0, "epoll_wait");
                for (int event = 0; event < ready; ++event) {
                    char byte;
                    if (rondo_recv(events[event].data.fd, &byte, 1, MSG_DONTWAIT) == 1) ++received;
                }
            }
        });
    }
    for (int i = 0; i < messages; ++i) {
        if (random.one_in(2)) pause(random);
        expect_equal(rondo_write(ends[random.below(kPairs)].out, "m", 1), 1, "write");
    }
    crew.join();
    expect_equal(received, messages, "messages told of");
    close_fd(set);
    for (const Ends& each : ends) close_both(each);
}

// One thread polls, with and without patience, and one reads; the byte goes to the reader.
void poll_beside_read(Random& random) {
    Ends ends = socket_pair();
    int told = 0;
    Crew crew;
    for (int i = 1 + random.below(2); i > 0; --i) {
        crew.add([ends, &told, own = random.split()]() mutable {
            pollfd watched{ends.in, POLLIN, 0};
            int ready = 0;
            while (ready == 0) ready = rondo_poll(&watched, 1, own.one_in(2) ? 1 : -1);
            expect_equal(ready, 1, "poll");
            ++told;
        });
    }
    int read = 0;
    crew.add([ends, &read] {
        char byte;
        expect_equal(rondo_read(ends.in, &byte, 1), 1, "read");
        ++read;
    });
    pause(random);
    expect_equal(rondo_write(ends.out, "a", 1), 1, "write");
    while (read == 0) rondo_yield();
    expect_equal(rondo_write(ends.out, "b", 1), 1, "write");
    crew.join();
    close_both(ends);
}

}  // namespace rondo::explore
