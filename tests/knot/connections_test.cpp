// SPDX-License-Identifier: Apache-2.0
//
// The table of connections: who is shut down when, how draining changes that, and that the table is bounded.

#include "knot/connections.h"

#include <poll.h>

#include "support/test.h"

namespace {

using knot::Clock;
using knot::Connections;
using knot::Phase;

constexpr uint32_t kLong = 3600 * 1000;

// A connection and the client's end of it.
struct Pair {
    explicit Pair(Connections& table) {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        client = ends[0];
        own = ends[1];
        REQUIRE(table.open(own, id));
    }
    ~Pair() { close(client); }

    bool reading_ended() const {
        char byte;
        return recv(own, &byte, 1, MSG_DONTWAIT) == 0;
    }
    bool sending_ended() const { return send(own, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0; }

    int client;
    int own;
    Connections::Id id = 0;
};

void sleep_past(Clock& clock, uint32_t milliseconds) {
    uint32_t start = clock.milliseconds();
    while (clock.milliseconds() - start <= milliseconds) {
        timespec pause{0, 1000000};
        nanosleep(&pause, nullptr);
        clock.tick();
    }
}

}  // namespace

TEST_CASE("a connection past its deadline is shut down, in the way of its phase") {
    Clock clock;
    Connections table(8, kLong, clock);
    Pair idle(table), receiving(table), sending(table), in_time(table);
    table.begin(receiving.id, Phase::receiving, 0);
    table.begin(sending.id, Phase::sending, 0);
    table.begin(in_time.id, Phase::receiving, kLong);
    CHECK(table.is_over(receiving.id));
    CHECK_FALSE(table.is_over(in_time.id));
    table.expire();
    CHECK(receiving.reading_ended());
    CHECK_FALSE(receiving.sending_ended());
    CHECK(sending.sending_ended());
    CHECK_FALSE(idle.reading_ended());
    CHECK_FALSE(in_time.reading_ended());
    for (const Pair* pair : {&idle, &receiving, &sending, &in_time}) {
        table.close(pair->id);
    }
    CHECK(table.open_now() == 0);
    CHECK(table.wait_for_end(0) == 0);
}

TEST_CASE("draining ends the idle a moment after their last answer") {
    Clock clock;
    Connections table(8, kLong, clock);
    Pair idle(table), receiving(table);
    table.begin(receiving.id, Phase::receiving, kLong);
    table.drain();
    CHECK(table.draining());
    table.expire();
    CHECK_FALSE(idle.reading_ended());
    sleep_past(clock, 1000);
    table.expire();
    CHECK(idle.reading_ended());
    CHECK_FALSE(receiving.reading_ended());
    CHECK(table.wait_for_end(1) == 2);
    table.close(idle.id);
    table.close(receiving.id);
}

TEST_CASE("the table is bounded, and its places are used again") {
    Clock clock;
    Connections table(2, kLong, clock);
    Connections::Id id = 0;
    for (int round = 0; round < 5; ++round) {
        Pair first(table), second(table);
        CHECK_FALSE(table.open(0, id));
        table.count_request(first.id);
        table.close(second.id);
        table.close(first.id);
    }
    CHECK(table.requests() == 5);
}

TEST_CASE("a closed connection is not shut down") {
    Clock clock;
    Connections table(8, kLong, clock);
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    Connections::Id id = 0;
    REQUIRE(table.open(ends[0], id));
    table.begin(id, Phase::sending, 0);
    table.close(id);
    Pair reusing(table);
    table.begin(reusing.id, Phase::sending, kLong);
    table.expire();
    CHECK_FALSE(reusing.sending_ended());
    table.close(reusing.id);
    close(ends[1]);
}
