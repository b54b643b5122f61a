// SPDX-License-Identifier: Apache-2.0
//
// Knot's staged twin, after Haboob (Welsh, Culler, Brewer, SOSP 2001): accept, read, parse, cache and send, each with a
// queue and a pool of threads (stage.h). One more thread is the source of events: it waits for readiness and only
// passes connections on.
//
// A connection belongs to one queue or thread at a time, which its kBusy bit says. It is registered once,
// edge-triggered; what the kernel reports while it is busy stays in its other bits, and who has done with it looks at
// them (settle()): so nothing is re-armed and nothing is lost. Connections stand in a table that is never freed, so a
// late event meets at worst the next connection in that place, and costs it a read that finds nothing.
//
// Admission: the queues of parse and cache hold kAdmitted connections; whom they refuse gets 503 and is closed. The
// others have room for all. The time limits are knot's own table (knot/connections.h), looked through by the source.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "bench/servers/exchange.h"
#include "bench/servers/service.h"
#include "bench/servers/stage.h"
#include "bench/servers/transmit.h"
#include "knot/connections.h"

namespace twin {

struct StagedConnection {
    std::atomic<uint32_t> state{0};
    uint32_t waits_for = 0;  // the owner's, as all below
    knot::Connections::Id id = 0;
    int fd = -1;
    bool ends = false;       // its end has been reported, so a short read does not say that the socket is empty
    bool receiving = false;  // within the time for a head or a body
    bool lingering = false;
    std::unique_ptr<Exchange> exchange;
};

namespace {

constexpr int kEvents = 1024;
constexpr size_t kAdmitted = 8192;
constexpr size_t kKeptExchanges = 1024;
constexpr unsigned kCacheThreads = 16;
constexpr uint64_t kSweepMs = 100;
constexpr size_t kDrained = 16384;  // bytes at a time
constexpr unsigned kLingerMs = 2000;
constexpr uint32_t kBothDirections = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

// Bits of StagedConnection::state.
constexpr uint32_t kBusy = 1;
constexpr uint32_t kReadable = 2;
constexpr uint32_t kWritable = 4;
constexpr uint32_t kEnds = 8;

enum Stages : size_t { kAccept, kRead, kParse, kCache, kSend };

class Staged {
   public:
    explicit Staged(Service& service);
    void run();
    Outbox outbox() { return {this, stages_, refused}; }

   private:
    static Staged& of(void* server) { return *static_cast<Staged*>(server); }
    static void accepts(void* server, StagedConnection* c, Outbox& out);
    static void reads(void* server, StagedConnection* c, Outbox& out);
    static void parses(void* server, StagedConnection* c, Outbox& out);
    static void answers(void* server, StagedConnection* c, Outbox& out);
    static void sends(void* server, StagedConnection* c, Outbox& out);
    static void refused(void* server, StagedConnection* c, Outbox& out);

    void open(int fd);
    void close(StagedConnection& c);
    void reset(StagedConnection& c);
    void finish(StagedConnection& c, Outbox& out);
    void drain(StagedConnection& c, Outbox& out);
    void ended(StagedConnection& c, Outbox& out);
    void wait_to_read(StagedConnection& c, Outbox& out);
    void settle(StagedConnection& c, Outbox& out);
    void report(StagedConnection& c, uint32_t events, Outbox& out);
    void poll(Outbox& out, uint64_t& swept);
    void take_exchange(StagedConnection& c);
    void drop_exchange(StagedConnection& c);
    void begin_sending(StagedConnection& c);

    Service& service_;
    const int epoll_;
    knot::Connections connections_;
    std::unique_ptr<StagedConnection[]> table_;
    Stage accept_, read_, parse_, cache_, send_;
    Stage* const stages_[Outbox::kStages] = {&accept_, &read_, &parse_, &cache_, &send_};
    std::atomic<bool> accepting_ended_{false};
    pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
    std::vector<std::unique_ptr<Exchange>> free_;  // under lock_
};

Staged::Staged(Service& service)
    : service_(service),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      connections_(service.most_connections, service.config.idle_timeout * 1000, service.clock),
      table_(new StagedConnection[service.most_connections]),
      accept_(this, service.clock, {accepts, 16, 1}),
      read_(this, service.clock, {reads, service.most_connections, service.workers}),
      parse_(this, service.clock, {parses, kAdmitted, service.workers}),
      cache_(this, service.clock, {answers, kAdmitted, kCacheThreads}),
      send_(this, service.clock, {sends, service.most_connections, service.workers}) {
    for (Stage* stage : stages_) {
        errno = stage->start();
        if (errno != 0) {
            perror("staged: a thread");
            exit(1);
        }
    }
}

void Staged::open(int fd) {
    knot::Connections::Id id = 0;
    while (!connections_.open(fd, id)) usleep(kSweepMs * 1000);
    StagedConnection& c = table_[id];
    c.id = id;
    c.fd = fd;
    c.waits_for = kReadable | kEnds;
    c.lingering = c.receiving = false;
    c.state.store(0, std::memory_order_release);
    epoll_event event{};
    event.events = kBothDirections;
    event.data.ptr = &c;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0 && (c.state.fetch_or(kBusy) & kBusy) == 0) close(c);
}

// The connection stays busy, so that a late event does nothing.
void Staged::close(StagedConnection& c) {
    drop_exchange(c);
    connections_.close(c.id);
}

// What waits to be sent is dropped with the connection.
void Staged::reset(StagedConnection& c) {
    const linger nothing{1, 0};
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &nothing, sizeof nothing);
    close(c);
}

void Staged::take_exchange(StagedConnection& c) {
    if (c.exchange) return;
    pthread_mutex_lock(&lock_);
    if (!free_.empty()) {
        c.exchange = std::move(free_.back());
        free_.pop_back();
    }
    pthread_mutex_unlock(&lock_);
    if (!c.exchange) c.exchange = std::make_unique<Exchange>(service_.site, service_.config.limits);
}

void Staged::drop_exchange(StagedConnection& c) {
    if (!c.exchange) return;
    c.exchange->reset();
    pthread_mutex_lock(&lock_);
    if (free_.size() < kKeptExchanges) free_.push_back(std::move(c.exchange));
    pthread_mutex_unlock(&lock_);
    c.exchange.reset();
}

// Gives up a connection that waits; if what it waits for has been reported meanwhile, it goes to that stage instead.
void Staged::settle(StagedConnection& c, Outbox& out) {
    const uint32_t wanted = c.waits_for;
    uint32_t state = c.state.load(std::memory_order_acquire);
    for (;;) {
        const bool ready = (state & wanted) != 0;
        const uint32_t next = ready ? state & ~wanted : state & ~kBusy;
        if (!c.state.compare_exchange_weak(state, next, std::memory_order_acq_rel)) continue;
        if (!ready) return;
        c.ends = (state & wanted & kEnds) != 0;
        return out.add((wanted & kWritable) != 0 ? kSend : kRead, &c);
    }
}

void Staged::report(StagedConnection& c, uint32_t events, Outbox& out) {
    uint32_t bits = kBusy;
    if ((events & EPOLLIN) != 0) bits |= kReadable;
    if ((events & EPOLLOUT) != 0) bits |= kWritable;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) bits |= kEnds | kWritable;
    if ((c.state.fetch_or(bits, std::memory_order_acq_rel) & kBusy) == 0) settle(c, out);
}

void Staged::accepts(void* server, StagedConnection*, Outbox&) {
    Staged& self = of(server);
    const bool ending = self.service_.ending();
    for (;;) {
        const int fd = accept4(self.service_.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            self.open(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            usleep(kSweepMs * 1000);
        } else if (errno == EAGAIN) {
            break;
        }
    }
    if (ending) self.accepting_ended_.store(true);
}

// The client sends no more, or its time is over.
void Staged::ended(StagedConnection& c, Outbox& out) {
    const bool began = c.exchange->in_head() || c.exchange->in_body();
    if (!began || !connections_.is_over(c.id)) return close(c);
    c.exchange->refuse(408);
    service_.log(c.fd, *c.exchange);
    out.add(kSend, &c);
}

void Staged::reads(void* server, StagedConnection* c, Outbox& out) {
    Staged& self = of(server);
    if (c->lingering) return self.drain(*c, out);
    self.take_exchange(*c);
    size_t room = 0;
    char* to = c->exchange->room(room);
    const ssize_t n = recv(c->fd, to, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return self.wait_to_read(*c, out);
    if (n <= 0) return self.ended(*c, out);
    if (c->ends || static_cast<size_t>(n) == room) {
        c->state.fetch_or(c->ends ? kReadable | kEnds : kReadable, std::memory_order_relaxed);
    }
    c->exchange->add(static_cast<size_t>(n));
    out.add(kParse, c);
}

void Staged::wait_to_read(StagedConnection& c, Outbox& out) {
    const knot::Config& config = service_.config;
    const knot::Phase phase = c.exchange->idle() ? knot::Phase::idle : knot::Phase::receiving;
    if (phase == knot::Phase::idle) {
        drop_exchange(c);
        connections_.begin_idle(c.id);
    } else if (!c.receiving) {
        const unsigned seconds = c.exchange->in_body() ? config.body_timeout : config.header_timeout;
        connections_.begin(c.id, phase, seconds * 1000);
    }
    c.receiving = phase == knot::Phase::receiving;
    c.waits_for = kReadable | kEnds;
    settle(c, out);
}

void Staged::parses(void* server, StagedConnection* c, Outbox& out) {
    if (c->exchange->next_request()) return out.add(kCache, c);
    if (c->exchange->has_output()) return out.add(kSend, c);
    of(server).wait_to_read(*c, out);
}

void Staged::answers(void* server, StagedConnection* c, Outbox& out) {
    Staged& self = of(server);
    c->exchange->answer(self.connections_.draining());
    self.service_.log(c->fd, *c->exchange);
    c->receiving = false;
    out.add(c->exchange->in_head() && !c->exchange->full() ? kParse : kSend, c);
}

void Staged::sends(void* server, StagedConnection* c, Outbox& out) {
    Staged& self = of(server);
    const Sent sent = transmit(c->fd, *c->exchange);
    if (sent == Sent::broken) return self.reset(*c);
    if (sent == Sent::blocked) {
        if (c->waits_for != kWritable) self.begin_sending(*c);
        c->waits_for = kWritable;
        return self.settle(*c, out);
    }
    c->waits_for = kReadable | kEnds;
    if (c->exchange->closing()) return self.finish(*c, out);
    if (c->exchange->in_head() || c->exchange->in_body()) return out.add(kParse, c);
    self.wait_to_read(*c, out);
}

// None is who shall accept: so many that were told to will do it.
void Staged::refused(void* server, StagedConnection* c, Outbox& out) {
    if (c == nullptr) return;
    c->exchange->refuse(503);
    of(server).service_.log(c->fd, *c->exchange);
    out.add(kSend, c);
}

void Staged::begin_sending(StagedConnection& c) {
    const uint64_t seconds = service_.config.send_timeout + c.exchange->output_length() / service_.config.min_rate;
    connections_.begin(c.id, knot::Phase::sending, static_cast<unsigned>(seconds) * 1000);
}

// The last answer is sent. What we refused to read would reset the connection and take the answer with it.
void Staged::finish(StagedConnection& c, Outbox& out) {
    if (!c.exchange->lingers() || shutdown(c.fd, SHUT_WR) != 0) return close(c);
    c.lingering = true;
    drop_exchange(c);
    connections_.begin(c.id, knot::Phase::receiving, kLingerMs);
    drain(c, out);
}

void Staged::drain(StagedConnection& c, Outbox& out) {
    char dropped[kDrained];
    for (;;) {
        const ssize_t n = recv(c.fd, dropped, sizeof dropped, 0);
        if (n < 0 && errno == EAGAIN) return settle(c, out);
        if (n <= 0) return close(c);
    }
}

void Staged::poll(Outbox& out, uint64_t& swept) {
    epoll_event events[kEvents];
    const int count = epoll_wait(epoll_, events, kEvents, static_cast<int>(kSweepMs));
    for (int i = 0; i < count; ++i) {
        void* data = events[i].data.ptr;
        if (data == nullptr) {
            out.add(kAccept, nullptr);
        } else {
            report(*static_cast<StagedConnection*>(data), events[i].events, out);
        }
    }
    out.flush();
    const uint64_t now = service_.pass();
    if (now - swept < kSweepMs) return;
    swept = now;
    connections_.expire();
}

void Staged::run() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, service_.listener, &event);
    Outbox out = outbox();
    uint64_t swept = 0;
    while (!service_.ending()) poll(out, swept);
    out.add(kAccept, nullptr);
    const uint64_t end_by = service_.pass() + service_.config.drain_timeout * 1000ULL;
    while (!accepting_ended_.load()) poll(out, swept);
    connections_.drain();
    while (connections_.open_now() > 0 && service_.pass() < end_by) poll(out, swept);
}

// The threads of the stages go on until the process ends.
void run_staged(Service& service) {
    run_in_batches();
    static Staged* const staged = new Staged(service);
    staged->run();
}

}  // namespace

Outbox make_outbox(void* server) { return static_cast<Staged*>(server)->outbox(); }

}  // namespace twin

int main(int argc, char** argv) { return twin::serve(argc, argv, "staged", twin::run_staged, twin::Threads::one); }
