// SPDX-License-Identifier: Apache-2.0
//
// Opening the connections. At most a window of them is on its way at once, and unless --silent-idle says
// otherwise each makes one exchange before it leaves the window: only the server's answer proves that it has
// accepted, so its listen backlog never overflows, however short it is, and no SYN waits a second to be
// repeated. Source addresses are bound with IP_BIND_ADDRESS_NO_PORT: the port is then chosen at connect, per
// destination, and the whole port range is had from each address.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client.h"

namespace loadgen {
namespace {

constexpr uint32_t kFirstSource = 0x7f000002;  // 127.0.0.2

sockaddr_in server_address(const Options& options) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options.port));
    if (inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1) {
        fprintf(stderr, "loadgen: --host: not an IPv4 address: %s\n", options.host.c_str());
        exit(2);
    }
    return address;
}

bool bind_source(int fd, uint32_t source) {
    const int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(kFirstSource + source);
    return bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

void set_options(int fd, Mode mode) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const linger reset{1, 0};
    if (mode != Mode::kLines) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}

}  // namespace

Client::Client(const Options& options, uint32_t index, Results& results)
    : options_(options), index_(index), results_(results), protocol_(make_protocol(options)) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t number = index; number < options.connections; number += options.processes) {
        Connection& c = connections_.emplace_back();
        c.exchange.connection = number;
        c.active = number < options.active;
        active_ += c.active;
    }
}

void Client::ramp() {
    const uint32_t window = std::max(1u, options_.ramp_window / options_.processes);
    const uint64_t patience = static_cast<uint64_t>(options_.timeout * 1e9);
    size_t next = 0;
    last_progress_ = now_ = now_ns();
    while (next < connections_.size() || opening_ > 0) {
        while (next < connections_.size() && opening_ < window) open(connections_[next++]);
        if (opening_ > 0) wait(last_progress_ + patience);
        if (now_ >= last_progress_ + patience) return ramp_timed_out(next);
    }
}

void Client::open(Connection& c) {
    static const sockaddr_in address = server_address(options_);
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.fd < 0) {
        ++results_.connect_other;
        return;
    }
    ++opening_;
    c.state = State::kConnecting;
    set_options(c.fd, options_.mode);
    if (options_.sources > 1 && !bind_source(c.fd, c.exchange.connection % options_.sources)) {
        return connect_failed(c, errno);
    }
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
        return connect_failed(c, errno);
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event) != 0) connect_failed(c, errno);
}

void Client::opened(Connection& c) {
    ++results_.connected;
    last_progress_ = now_;
    c.state = State::kIdle;
    if (options_.silent_idle && !c.active) {
        --opening_;
        return;
    }
    c.greeting = true;
    begin_exchange(c);
}

void Client::connect_failed(Connection& c, int error) {
    switch (error) {
        case ECONNREFUSED:
            ++results_.connect_refused;
            break;
        case EADDRNOTAVAIL:
            ++results_.connect_no_address;
            break;
        case ETIMEDOUT:
            ++results_.connect_timed_out;
            break;
        default:
            ++results_.connect_other;
    }
    last_progress_ = now_;
    --opening_;
    close_connection(c);
}

// The first `opened` connections were tried; the others never will be.
void Client::ramp_timed_out(size_t opened) {
    results_.connect_timed_out += connections_.size() - opened;
    for (Connection& c : connections_) {
        if (c.state != State::kConnecting && !c.greeting) continue;
        ++(c.greeting ? results_.stalled : results_.connect_timed_out);
        close_connection(c);
    }
}

}  // namespace loadgen
