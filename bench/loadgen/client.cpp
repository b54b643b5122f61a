// SPDX-License-Identifier: Apache-2.0
//
// What happens on one connection: send what is pending, check what comes in, count, decide what is next. A
// connection on which anything is wrong is counted once, by kind, and closed: later bytes of a broken stream
// say nothing more. Timed runs leave with a reset (SO_LINGER 0, see ramp.cpp) so that no port lingers in
// TIME_WAIT.
#include "client.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace loadgen {
namespace {

constexpr int kEventBatch = 256;
constexpr size_t kReceiveBuffer = 64 * 1024;

uint64_t read_clock(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

int socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

}  // namespace

uint64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

// Handles what is ready, waiting for it at most until the deadline; sets now_.
void Client::wait(uint64_t deadline) {
    epoll_event events[kEventBatch];
    const uint64_t now = now_ns();
    const uint64_t left = deadline > now ? deadline - now : 0;
    const timespec timeout{static_cast<time_t>(left / 1000000000u), static_cast<long>(left % 1000000000u)};
    const int count = epoll_pwait2(epoll_, events, kEventBatch, &timeout, nullptr);
    now_ = now_ns();
    sample_cpu();
    for (int i = 0; i < count; ++i) handle(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
}

void Client::sample_cpu() {
    if (cpu_at_begin_ == 0 && schedule_.begin != 0 && now_ >= schedule_.begin) {
        cpu_at_begin_ = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    }
    if (cpu_at_end_ == 0 && schedule_.end != 0 && now_ >= schedule_.end) {
        cpu_at_end_ = read_clock(CLOCK_PROCESS_CPUTIME_ID);
        results_.cpu_ns = cpu_at_end_ - cpu_at_begin_;
    }
}

void Client::handle(Connection& c, uint32_t events) {
    switch (c.state) {
        case State::kClosed:
            return;
        case State::kConnecting:
            if ((events & (EPOLLERR | EPOLLHUP)) != 0) return connect_failed(c, socket_error(c.fd));
            if ((events & EPOLLOUT) != 0) opened(c);
            return;
        case State::kIdle:
            if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
                broken(c, socket_error(c.fd));
            } else if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) {
                receive(c);
            }
            return;
        case State::kFinishing:
            return finish(c);
        case State::kBusy:
            if (pump(c, events) == Pump::kComplete) completed(c);
            return;
    }
}

void Client::begin_exchange(Connection& c) {
    c.state = State::kBusy;
    send_pending(c);
}

Client::Pump Client::pump(Connection& c, uint32_t events) {
    if ((events & EPOLLERR) != 0) return broken(c, socket_error(c.fd));
    if ((events & EPOLLOUT) != 0 && send_pending(c) == Pump::kBroken) return Pump::kBroken;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) == 0) return Pump::kWaiting;
    const Pump result = receive(c);
    if (result == Pump::kBroken || (events & (EPOLLRDHUP | EPOLLHUP)) == 0) return result;
    return closed_early(c);
}

Client::Pump Client::send_pending(Connection& c) {
    for (;;) {
        const std::string_view bytes = protocol_->pending(c.exchange);
        if (bytes.empty()) return Pump::kWaiting;
        const ssize_t sent = send(c.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return Pump::kWaiting;
        if (sent < 0) return broken(c, errno);
        c.exchange.sent += static_cast<size_t>(sent);
    }
}

// In state idle any byte is wrong, and so is an end.
Client::Pump Client::receive(Connection& c) {
    static char buffer[kReceiveBuffer];
    for (;;) {
        const ssize_t got = recv(c.fd, buffer, sizeof buffer, 0);
        if (got < 0 && errno == EAGAIN) return Pump::kWaiting;
        if (got < 0) return broken(c, errno);
        if (got == 0) return closed_early(c);
        last_progress_ = now_;
        if (c.state == State::kIdle) {
            results_.mismatched_bytes += static_cast<uint64_t>(got);
            close_connection(c);
            return Pump::kBroken;
        }
        const Verdict verdict = protocol_->consume(c.exchange, {buffer, static_cast<size_t>(got)});
        if (verdict == Verdict::kWrong) {
            close_connection(c);
            return Pump::kBroken;
        }
        if (verdict == Verdict::kComplete) return Pump::kComplete;
        if (got < static_cast<ssize_t>(sizeof buffer)) return Pump::kWaiting;
    }
}

void Client::completed(Connection& c) {
    c.exchange.next();
    c.state = State::kIdle;
    if (options_.mode == Mode::kLines) ++results_.lines;
    if (c.greeting) {
        c.greeting = false;
        --opening_;
        ++results_.greeted;
        return;
    }
    switch (options_.mode) {
        case Mode::kClosed:
            if (now_ >= schedule_.begin && now_ < schedule_.end) ++results_.requests;
            if (now_ < schedule_.stop) begin_exchange(c);
            return;
        case Mode::kOpen:
            return completed_open(c);
        case Mode::kLines:
            return completed_line(c);
    }
}

void Client::completed_open(Connection& c) {
    const uint64_t finished = now_ns();
    const uint64_t wanted = intended(c, c.done);
    ++c.done;
    if (wanted >= schedule_.begin && wanted < schedule_.end) results_.latency.record(finished - wanted);
    if (finished >= schedule_.begin && finished < schedule_.end) ++results_.requests;
    if (c.due > c.done && now_ < schedule_.last_send) begin_exchange(c);
}

void Client::completed_line(Connection& c) {
    if (c.exchange.sequence < options_.lines) return begin_exchange(c);
    c.state = State::kFinishing;
    shutdown(c.fd, SHUT_WR);
}

// All lines are done and our side is closed: what is left is the server's clean end.
void Client::finish(Connection& c) {
    char extra[256];
    const ssize_t got = recv(c.fd, extra, sizeof extra, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got == 0) ++results_.finished;
    if (got > 0) results_.mismatched_bytes += static_cast<uint64_t>(got);
    if (got < 0) ++results_.resets;
    last_progress_ = now_;
    close_connection(c);
}

Client::Pump Client::broken(Connection& c, int error) {
    if (error == 0) return closed_early(c);
    ++results_.resets;
    close_connection(c);
    return Pump::kBroken;
}

Client::Pump Client::closed_early(Connection& c) {
    ++results_.closed_early;
    close_connection(c);
    return Pump::kBroken;
}

void Client::close_connection(Connection& c) {
    if (c.greeting) --opening_;
    c.greeting = false;
    c.state = State::kClosed;
    close(c.fd);
    c.fd = -1;
}

}  // namespace loadgen
