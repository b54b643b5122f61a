// SPDX-License-Identifier: Apache-2.0
//
// Knot's proactor twin: the same parser, cache and answers, driven by completions of io_uring, one ring in each worker.
// One multishot accept, one multishot receive for each connection into buffers that the ring chooses from, one send for
// the answers to what came together; all that a pass asks for goes in with the call that waits for the next
// completions. So a request costs a fraction of a system call. A file's range goes by sendfile, which io_uring has not:
// the sockets are non-blocking for its sake, and when one is full, a poll says when to go on.
//
// Received bytes are copied into the connection's Exchange and their buffer is given back at once, so few buffers do
// and stay in the cache. What arrives while an answer is being sent is held in its buffers; after kMostHeld of them the
// receive is cancelled.
//
// A connection is freed when none of its operations is in flight. To end one early its socket is shut down, which
// completes them.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/servers/completion_ring.h"
#include "bench/servers/exchange.h"
#include "bench/servers/proactor_connection.h"
#include "bench/servers/service.h"
#include "bench/servers/timer_wheel.h"
#include "bench/servers/transmit.h"

namespace twin {

namespace {

constexpr size_t kMostHeld = 4;
constexpr size_t kKeptWorks = 256;
constexpr uint64_t kPauseMs = 100;

// What a completion belongs to, in the low bits of its user data; the rest is the connection's address.
enum Operation : uint64_t { kAccept, kReceive, kSend, kPoll, kCancel, kEnd };
constexpr uint64_t kOperationMask = 7;

class Proactor {
   public:
    explicit Proactor(Service& service);
    void run();

   private:
    io_uring_sqe* entry(Operation operation, Connection* c);
    void accept_next();
    void receive_next(Connection& c);
    void wait_for_room(Connection& c);
    void begin_end();

    void complete(const io_uring_cqe& completion);
    void accepted(int result, bool more);
    void received(Connection& c, const io_uring_cqe& completion);
    void sent(Connection& c, int result);
    void expired(Connection& c);

    void open(int fd);
    void end(Connection& c);
    void reset(Connection& c);
    template <typename Do>
    void hold(Connection& c, Do&& action);
    void take_work(Connection& c);
    void drop_work(Connection& c);
    void wait_for(Connection& c, Phase phase, uint64_t length = 0);

    void keep(Connection& c, uint16_t buffer, uint32_t length);
    void feed(Connection& c, uint16_t buffer, uint32_t length);
    void go_on(Connection& c);
    void start_send(Connection& c);
    void submit_send(Connection& c, size_t count);
    void finish(Connection& c);
    void settle(Connection& c);

    Service& service_;
    CompletionRing ring_;
    bool accepting_ = false;
    bool ending_ = false;
    uint64_t now_;
    uint64_t resume_ = 0;  // when accepting goes on; 0: it is not paused
    uint64_t end_by_ = 0;
    TimerWheel wheel_;
    std::vector<std::unique_ptr<Work>> free_;
    Connection connections_;  // head of the list of those that are open
};

Proactor::Proactor(Service& service) : service_(service), now_(service.pass()), wheel_(now_) {
    connections_.older = connections_.newer = &connections_;
    // An accept on a non-blocking listener would not wait.
    fcntl(service_.listener, F_SETFL, fcntl(service_.listener, F_GETFL) & ~O_NONBLOCK);
    accept_next();
    io_uring_prep_poll_add(entry(kEnd, nullptr), service_.end_event, POLLIN);
}

io_uring_sqe* Proactor::entry(Operation operation, Connection* c) {
    io_uring_sqe* sqe = ring_.entry(reinterpret_cast<uintptr_t>(c) | operation);
    if (c != nullptr) ++c->operations;
    return sqe;
}

void Proactor::accept_next() {
    if (accepting_ || ending_) return;
    accepting_ = true;
    io_uring_prep_multishot_accept(entry(kAccept, nullptr), service_.listener, nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void Proactor::accepted(int result, bool more) {
    accepting_ = more;
    if (result >= 0) open(result);
    const bool full = service_.connections.load(std::memory_order_relaxed) >= service_.most_connections;
    const bool lacking = result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS;
    if (full && more) io_uring_prep_cancel64(entry(kCancel, nullptr), kAccept, 0);
    if (full || lacking) {
        resume_ = now_ + kPauseMs;
    } else if (!more) {
        accept_next();
    }
}

void Proactor::open(int fd) {
    auto* c = new Connection;
    c->fd = fd;
    c->older = connections_.older;
    c->newer = &connections_;
    c->older->newer = c->newer->older = c;
    service_.connections.fetch_add(1, std::memory_order_relaxed);
    wait_for(*c, Phase::idle);
    receive_next(*c);
}

// Nothing has come when a receive is armed, so that it polls first.
void Proactor::receive_next(Connection& c) {
    if (c.receiving || c.ended || c.dead) return;
    c.receiving = true;
    io_uring_sqe* sqe = entry(kReceive, &c);
    io_uring_prep_recv_multishot(sqe, c.fd, nullptr, 0, 0);
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    ring_.choose_buffer(sqe);
}

// The caller holds the connection, see hold().
void Proactor::end(Connection& c) {
    if (c.dead) return;
    c.dead = true;
    wheel_.cancel(c);
    for (const Held& held : c.held) ring_.give_back(held.buffer);
    c.held.clear();
    if (c.operations > 1) shutdown(c.fd, SHUT_RDWR);
}

// What waits to be sent is dropped with the connection.
void Proactor::reset(Connection& c) {
    const linger nothing{1, 0};
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &nothing, sizeof nothing);
    end(c);
}

// While something is done with a connection, that counts as an operation in flight.
template <typename Do>
void Proactor::hold(Connection& c, Do&& action) {
    ++c.operations;
    action();
    if (--c.operations > 0 || !c.dead) return;
    drop_work(c);
    close(c.fd);
    c.older->newer = c.newer;
    c.newer->older = c.older;
    delete &c;
    service_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Proactor::take_work(Connection& c) {
    if (c.work) return;
    if (free_.empty()) {
        c.work = std::make_unique<Work>(service_.site, service_.config.limits);
    } else {
        c.work = std::move(free_.back());
        free_.pop_back();
    }
}

void Proactor::drop_work(Connection& c) {
    if (!c.work) return;
    c.work->exchange.reset();
    if (free_.size() < kKeptWorks) free_.push_back(std::move(c.work));
    c.work.reset();
}

// A wait that goes on keeps its limit; waiting idle begins anew with each request.
void Proactor::wait_for(Connection& c, Phase phase, uint64_t length) {
    if (c.phase == phase && phase != Phase::idle) return;
    c.phase = phase;
    wheel_.set(c, service_.deadline(phase, now_, length));
}

void Proactor::received(Connection& c, const io_uring_cqe& completion) {
    const bool has_buffer = (completion.flags & IORING_CQE_F_BUFFER) != 0;
    const auto buffer = static_cast<uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
    const auto length = static_cast<uint32_t>(completion.res);
    c.receiving = (completion.flags & IORING_CQE_F_MORE) != 0;
    if (!c.receiving) --c.operations;
    if (has_buffer && (c.dead || completion.res <= 0 || c.phase == Phase::linger)) {
        ring_.give_back(buffer);
    } else if (has_buffer && c.sending) {
        keep(c, buffer, length);
    } else if (has_buffer) {
        feed(c, buffer, length);
    }
    if (c.dead) return;
    c.ended = completion.res == 0 || (completion.res < 0 && completion.res != -ENOBUFS && completion.res != -ECANCELED);
    if (c.ended && !c.sending) return end(c);
    if (c.held.size() < kMostHeld) receive_next(c);
}

// Until what is being sent is gone. A client that does not stop is not read any more.
void Proactor::keep(Connection& c, uint16_t buffer, uint32_t length) {
    c.held.push_back({buffer, length});
    if (c.held.size() != kMostHeld || !c.receiving) return;
    io_uring_prep_cancel64(entry(kCancel, nullptr), reinterpret_cast<uintptr_t>(&c) | kReceive, 0);
}

// With nothing to send an exchange has room for a buffer.
void Proactor::feed(Connection& c, uint16_t buffer, uint32_t length) {
    take_work(c);
    size_t room = 0;
    char* to = c.work->exchange.room(room);
    memcpy(to, ring_.data(buffer), length);
    ring_.give_back(buffer);
    c.work->exchange.add(length);
    go_on(c);
}

// Answers what is there, sends it, and takes what was held meanwhile.
void Proactor::go_on(Connection& c) {
    Exchange& exchange = c.work->exchange;
    for (;;) {
        while (exchange.next_request()) {
            exchange.answer(ending_);
            service_.log(c.fd, exchange);
        }
        if (exchange.has_output()) {
            start_send(c);
            if (c.sending || c.dead) return;
            c.phase = Phase::idle;
        } else if (exchange.closing()) {
            return finish(c);
        } else if (c.held.empty()) {
            return settle(c);
        } else {
            const Held next = c.held.front();
            c.held.erase(c.held.begin());
            size_t room = 0;
            char* to = exchange.room(room);
            memcpy(to, ring_.data(next.buffer), next.length);
            ring_.give_back(next.buffer);
            exchange.add(next.length);
        }
    }
}

void Proactor::start_send(Connection& c) {
    bool file_follows = false;
    const size_t count = c.work->exchange.pieces(c.work->pieces, Work::kMostPieces, file_follows);
    if (count > 0 && !file_follows) return submit_send(c, count);
    switch (transmit(c.fd, c.work->exchange)) {
        case Sent::broken:
            return reset(c);
        case Sent::blocked:
            c.sending = true;
            wait_for(c, Phase::send, c.work->exchange.output_length());
            return io_uring_prep_poll_add(entry(kPoll, &c), c.fd, POLLOUT);
        case Sent::all:
            return;
    }
}

void Proactor::submit_send(Connection& c, size_t count) {
    Work& work = *c.work;
    c.sending = true;
    wait_for(c, Phase::send, work.exchange.output_length());
    io_uring_sqe* sqe = entry(kSend, &c);
    if (count == 1) {
        io_uring_prep_send(sqe, c.fd, work.pieces->iov_base, work.pieces->iov_len, MSG_NOSIGNAL | MSG_WAITALL);
        return;
    }
    work.message.msg_iov = work.pieces;
    work.message.msg_iovlen = count;
    io_uring_prep_sendmsg(sqe, c.fd, &work.message, MSG_NOSIGNAL | MSG_WAITALL);
}

// `result`: bytes sent, or 0 when there is room to send again.
void Proactor::sent(Connection& c, int result) {
    --c.operations;
    c.sending = false;
    if (c.dead) return;
    if (result < 0) return reset(c);
    c.work->exchange.sent(static_cast<uint64_t>(result));
    if (!c.work->exchange.has_output()) c.phase = Phase::idle;
    go_on(c);
}

// The last answer is sent. What we refused to read would reset the connection and take the answer with it.
void Proactor::finish(Connection& c) {
    if (!c.work->exchange.lingers() || c.ended || shutdown(c.fd, SHUT_WR) != 0) return end(c);
    for (const Held& held : c.held) ring_.give_back(held.buffer);
    c.held.clear();
    drop_work(c);
    wait_for(c, Phase::linger);
    receive_next(c);
}

// Everything that has come is read: what is the connection waiting for?
void Proactor::settle(Connection& c) {
    if (c.ended) return end(c);
    if (c.work->exchange.in_body()) {
        wait_for(c, Phase::body);
    } else if (c.work->exchange.in_head()) {
        wait_for(c, Phase::head);
    } else {
        drop_work(c);
        wait_for(c, Phase::idle);
    }
    receive_next(c);
}

void Proactor::expired(Connection& c) {
    if (c.phase == Phase::send) return reset(c);
    if (c.phase != Phase::head && c.phase != Phase::body) return end(c);
    c.work->exchange.refuse(408);
    service_.log(c.fd, c.work->exchange);
    go_on(c);
}

void Proactor::begin_end() {
    ending_ = true;
    end_by_ = now_ + service_.config.drain_timeout * 1000ULL;
    if (accepting_) io_uring_prep_cancel64(entry(kCancel, nullptr), kAccept, 0);
    fcntl(service_.listener, F_SETFL, fcntl(service_.listener, F_GETFL) | O_NONBLOCK);
    for (int fd; (fd = accept4(service_.listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) open(fd);
    for (Connection* c = connections_.newer; c != &connections_; c = c->newer) {
        if (c->phase == Phase::idle && !c->dead) wait_for(*c, Phase::idle);
    }
}

void Proactor::complete(const io_uring_cqe& completion) {
    auto* c = reinterpret_cast<Connection*>(completion.user_data & ~kOperationMask);
    switch (completion.user_data & kOperationMask) {
        case kAccept:
            return accepted(completion.res, (completion.flags & IORING_CQE_F_MORE) != 0);
        case kReceive:
            return hold(*c, [&] { received(*c, completion); });
        case kSend:
            return hold(*c, [&] { sent(*c, completion.res); });
        case kPoll:
            return hold(*c, [&] { sent(*c, 0); });
        case kEnd:
            return begin_end();
        default:
            return;
    }
}

void Proactor::run() {
    while (!ending_ || (connections_.newer != &connections_ && now_ < end_by_)) {
        const int sleep = resume_ != 0 || ending_ ? static_cast<int>(kPauseMs) : wheel_.sleep_ms(now_);
        ring_.submit_and_wait(sleep);
        now_ = service_.pass();
        ring_.for_each([this](const io_uring_cqe& completion) { complete(completion); });
        wheel_.expire(now_, [this](TimerNode& node) {
            auto& c = static_cast<Connection&>(node);
            hold(c, [&] { expired(c); });
        });
        if (resume_ != 0 && now_ >= resume_) {
            resume_ = 0;
            accept_next();
        }
    }
}

void run_proactor(Service& service) { std::make_unique<Proactor>(service)->run(); }

}  // namespace

}  // namespace twin

int main(int argc, char** argv) { return twin::serve(argc, argv, "proactor", twin::run_proactor, twin::Threads::each); }
