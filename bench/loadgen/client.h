// SPDX-License-Identifier: Apache-2.0
//
// One generator process: its share of the connections, one epoll set, one thread. ramp() opens all of them
// and drive() runs the load; between the two the parent waits until every process is ready, so that "N
// connections at once" is true of all processes together.
//
// Connection states: connecting -> (greeting) -> idle <-> busy -> finishing (--lines only) -> closed.
// Each descriptor is registered once, edge-triggered for both directions; after a short read there is nothing
// left to read, so an exchange costs one send and one receive beside its share of an epoll_wait.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "options.h"
#include "protocol.h"
#include "results.h"

namespace loadgen {

uint64_t now_ns();

// Instants of the run, CLOCK_MONOTONIC ns. Load flows in [start, stop); what counts is [begin, end) inside
// it, so that whoever measures the server from outside reads its clocks while the load is still on.
struct Schedule {
    uint64_t start = 0;
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t stop = 0;
    uint64_t last_send = 0;  // open loop: what is due and still waits its turn may go out until then
};

class Client {
   public:
    // Process `index` of options.processes takes the connections index, index + processes, ...
    Client(const Options& options, uint32_t index, Results& results);

    void ramp();
    void drive(const Schedule& schedule);

   private:
    enum class State : uint8_t { kClosed, kConnecting, kIdle, kBusy, kFinishing };
    enum class Pump : uint8_t { kWaiting, kComplete, kBroken };

    struct Connection {
        int fd = -1;
        State state = State::kClosed;
        bool greeting = false;
        bool active = false;
        uint64_t due = 0;   // open loop: requests whose instant has come
        uint64_t done = 0;  // and those answered
        Exchange exchange;
    };

    // ramp.cpp
    void open(Connection& connection);
    void opened(Connection& connection);
    void connect_failed(Connection& connection, int error);
    void ramp_timed_out(size_t opened);

    // client.cpp
    void wait(uint64_t deadline);
    void handle(Connection& connection, uint32_t events);
    void begin_exchange(Connection& connection);
    void completed(Connection& connection);
    void completed_open(Connection& connection);
    void completed_line(Connection& connection);
    void finish(Connection& connection);
    Pump pump(Connection& connection, uint32_t events);
    Pump send_pending(Connection& connection);
    Pump receive(Connection& connection);
    Pump broken(Connection& connection, int error);
    Pump closed_early(Connection& connection);
    void close_connection(Connection& connection);
    void sample_cpu();

    // pacing.cpp
    void drive_closed();
    void drive_open();
    void drive_lines();
    void release_due(uint64_t now);
    uint64_t intended(const Connection& connection, uint64_t nth) const;
    uint64_t instant(uint64_t k) const;
    void account_unanswered();
    bool anyone_waits() const;
    void drain();

    const Options& options_;
    const uint32_t index_;
    Results& results_;
    std::unique_ptr<Protocol> protocol_;
    std::vector<Connection> connections_;  // the active ones first
    uint32_t active_ = 0;
    int epoll_ = -1;
    uint32_t opening_ = 0;  // in flight, at most the process's share of the ramp window
    Schedule schedule_;
    uint64_t now_ = 0;            // read once after each epoll_wait
    uint64_t last_progress_ = 0;  // when bytes last moved the right way
    uint64_t cpu_at_begin_ = 0;
    uint64_t cpu_at_end_ = 0;
    double interval_ = 0;        // open loop: ns between two instants of this process
    uint64_t next_instant_ = 0;  // open loop: number of the first instant not yet released
};

}  // namespace loadgen
