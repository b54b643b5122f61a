// SPDX-License-Identifier: Apache-2.0
//
// Knot's event-driven twin: the same parser, cache and answers, driven by one epoll loop in each worker instead of a
// thread for each connection. As economical as epoll allows: a connection is registered once for both directions,
// edge-triggered; a read that did not fill the buffer has emptied the socket, so the one that would say EAGAIN is left
// out; requests that arrived together are answered together; the time is read once a pass. A connection's buffer,
// parser and answers are an Exchange, which it has only while it has something to keep; the most recently used one is
// taken first, for it is in the cache.
//
// A connection belongs to the worker that accepted it. All workers wait on the one listener, each is woken alone
// (EPOLLEXCLUSIVE).
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/servers/exchange.h"
#include "bench/servers/service.h"
#include "bench/servers/timer_wheel.h"
#include "bench/servers/transmit.h"

namespace twin {

namespace {

constexpr int kEvents = 512;
constexpr int kMostAccepts = 64;
constexpr size_t kKeptExchanges = 256;
constexpr size_t kDrained = 16384;  // bytes at a time
constexpr uint64_t kPauseMs = 100;
constexpr uint32_t kBothDirections = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr uint32_t kEnds = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

struct Connection : TimerNode {
    int fd = -1;
    Phase phase = Phase::idle;
    std::unique_ptr<Exchange> exchange;
    Connection* older = nullptr;
    Connection* newer = nullptr;
};

class Reactor {
   public:
    explicit Reactor(Service& service);
    void run();

   private:
    bool watch(int operation, int fd, uint32_t events, void* data);
    void listen(bool on);
    void pause_accepting();
    void accept_some();
    void open(int fd);
    void close(Connection& c);
    void reset(Connection& c);
    void expired(Connection& c);
    void begin_end();

    void ready(Connection& c, uint32_t events);
    void converse(Connection& c, bool ends);
    bool answer(Connection& c);
    void finish(Connection& c);
    void drain(Connection& c);
    void settle(Connection& c);
    void wait_for(Connection& c, Phase phase, uint64_t length = 0);
    void take_exchange(Connection& c);
    void drop_exchange(Connection& c);

    Service& service_;
    const int epoll_;
    bool listening_ = false;
    bool ending_ = false;
    uint64_t now_;
    uint64_t resume_ = 0;  // when accepting goes on; 0: it is not paused
    uint64_t end_by_ = 0;
    TimerWheel wheel_;
    std::vector<std::unique_ptr<Exchange>> free_;
    Connection connections_;  // head of the list of those that are open
};

Reactor::Reactor(Service& service)
    : service_(service), epoll_(epoll_create1(EPOLL_CLOEXEC)), now_(service.pass()), wheel_(now_) {
    connections_.older = connections_.newer = &connections_;
    listen(true);
    watch(EPOLL_CTL_ADD, service_.end_event, EPOLLIN, &service_);
}

bool Reactor::watch(int operation, int fd, uint32_t events, void* data) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    return epoll_ctl(epoll_, operation, fd, &event) == 0;
}

void Reactor::listen(bool on) {
    if (listening_ == on) return;
    listening_ = on;
    watch(on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, service_.listener, EPOLLIN | EPOLLEXCLUSIVE, this);
}

void Reactor::pause_accepting() {
    listen(false);
    resume_ = now_ + kPauseMs;
}

void Reactor::accept_some() {
    for (int i = 0; i < kMostAccepts || ending_; ++i) {
        if (service_.connections.load(std::memory_order_relaxed) >= service_.config.connections)
            return pause_accepting();
        const int fd = accept4(service_.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            open(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            return pause_accepting();
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

void Reactor::open(int fd) {
    auto* c = new Connection;
    c->fd = fd;
    c->older = connections_.older;
    c->newer = &connections_;
    c->older->newer = c->newer->older = c;
    service_.connections.fetch_add(1, std::memory_order_relaxed);
    wait_for(*c, Phase::idle);
    if (!watch(EPOLL_CTL_ADD, fd, kBothDirections, c)) close(*c);
}

void Reactor::close(Connection& c) {
    wheel_.cancel(c);
    drop_exchange(c);
    ::close(c.fd);
    c.older->newer = c.newer;
    c.newer->older = c.older;
    delete &c;
    service_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Reactor::take_exchange(Connection& c) {
    if (c.exchange) return;
    if (free_.empty()) {
        c.exchange = std::make_unique<Exchange>(service_.site, service_.config.limits);
    } else {
        c.exchange = std::move(free_.back());
        free_.pop_back();
    }
}

void Reactor::drop_exchange(Connection& c) {
    if (!c.exchange) return;
    c.exchange->reset();
    if (free_.size() < kKeptExchanges) free_.push_back(std::move(c.exchange));
    c.exchange.reset();
}

// What waits to be sent is dropped with the connection.
void Reactor::reset(Connection& c) {
    const linger nothing{1, 0};
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &nothing, sizeof nothing);
    close(c);
}

// A wait that goes on keeps its limit; waiting idle begins anew with each request.
void Reactor::wait_for(Connection& c, Phase phase, uint64_t length) {
    if (c.phase == phase && phase != Phase::idle) return;
    c.phase = phase;
    wheel_.set(c, service_.deadline(phase, now_, length));
}

void Reactor::ready(Connection& c, uint32_t events) {
    if (c.phase == Phase::linger) return drain(c);
    bool ends = (events & kEnds) != 0;
    if (c.phase == Phase::send) {
        if (!answer(c)) return;
        ends = true;
    }
    if (ends || (events & EPOLLIN) != 0) converse(c, ends);
}

// Reads and answers until the socket is empty or full. `again`: a short read does not say that it is empty.
void Reactor::converse(Connection& c, bool again) {
    for (;;) {
        take_exchange(c);
        size_t room = 0;
        char* to = c.exchange->room(room);
        const ssize_t n = recv(c.fd, to, room, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return settle(c);
        if (n <= 0) return close(c);
        c.exchange->add(static_cast<size_t>(n));
        if (!answer(c)) return;
        if (static_cast<size_t>(n) < room && !again) return settle(c);
    }
}

// Answers what is there. False: nothing more is to be read for now, or the connection has ended.
bool Reactor::answer(Connection& c) {
    Exchange& exchange = *c.exchange;
    do {
        while (exchange.next_request()) {
            exchange.answer(ending_);
            service_.log(c.fd, exchange);
        }
        switch (transmit(c.fd, exchange)) {
            case Sent::broken:
                reset(c);
                return false;
            case Sent::blocked:
                wait_for(c, Phase::send, exchange.output_length());
                return false;
            case Sent::all:
                break;
        }
        if (exchange.closing()) {
            finish(c);
            return false;
        }
        c.phase = Phase::idle;
    } while (exchange.next_request());
    return true;
}

// The last answer is sent. What we refused to read would reset the connection and take the answer with it.
void Reactor::finish(Connection& c) {
    if (!c.exchange->lingers() || shutdown(c.fd, SHUT_WR) != 0) return close(c);
    drop_exchange(c);
    wait_for(c, Phase::linger);
    drain(c);
}

void Reactor::drain(Connection& c) {
    char dropped[kDrained];
    for (;;) {
        const ssize_t n = recv(c.fd, dropped, sizeof dropped, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return close(c);
    }
}

// Everything that has come is read: what is the connection waiting for?
void Reactor::settle(Connection& c) {
    if (c.exchange->in_body()) return wait_for(c, Phase::body);
    if (c.exchange->in_head()) return wait_for(c, Phase::head);
    drop_exchange(c);
    wait_for(c, Phase::idle);
}

void Reactor::expired(Connection& c) {
    if (c.phase == Phase::send) return reset(c);
    if (c.phase != Phase::head && c.phase != Phase::body) return close(c);
    c.exchange->refuse(408);
    service_.log(c.fd, *c.exchange);
    answer(c);
}

void Reactor::begin_end() {
    ending_ = true;
    end_by_ = now_ + service_.config.drain_timeout * 1000ULL;
    watch(EPOLL_CTL_DEL, service_.end_event, 0, nullptr);
    accept_some();
    listen(false);
    for (Connection* c = connections_.newer; c != &connections_; c = c->newer) {
        if (c->phase == Phase::idle) wait_for(*c, Phase::idle);
    }
}

void Reactor::run() {
    epoll_event events[kEvents];
    while (!ending_ || (connections_.newer != &connections_ && now_ < end_by_)) {
        const int sleep = resume_ != 0 || ending_ ? static_cast<int>(kPauseMs) : wheel_.sleep_ms(now_);
        const int count = epoll_wait(epoll_, events, kEvents, sleep);
        now_ = service_.pass();
        for (int i = 0; i < count; ++i) {
            void* data = events[i].data.ptr;
            if (data == this) {
                accept_some();
            } else if (data == &service_) {
                begin_end();
            } else {
                ready(*static_cast<Connection*>(data), events[i].events);
            }
        }
        wheel_.expire(now_, [this](TimerNode& node) { expired(static_cast<Connection&>(node)); });
        if (resume_ != 0 && now_ >= resume_ && !ending_) {
            resume_ = 0;
            listen(true);
        }
    }
}

void run_reactor(Service& service) { std::make_unique<Reactor>(service)->run(); }

}  // namespace

}  // namespace twin

int main(int argc, char** argv) { return twin::serve(argc, argv, "reactor", twin::run_reactor, twin::Threads::each); }
