// SPDX-License-Identifier: Apache-2.0
//
// close_reuse [--rounds N] [--workers W] [--crews C] [--seed S]
// Rounds of closing descriptors under threads that wait on them, the numbers being used again at once. Exit 0: no byte
// reached a wrong peer, no waiter was left, no descriptor leaked.
//
// In a round a crew makes a connection (Unix, TCP, pipe or listener), has threads on several workers read, write, poll
// and select on one end, sends bytes from the other, and has that number closed, or taken over by dup2, by a thread of
// any worker or by a kernel thread that is none. Whoever closes opens the number's next connection at once, and all
// crews do so side by side. Each connection's bytes are its own tag, repeated: whoever receives checks them.
//
// A waiter that is left makes its crew stand still, which the monitor reports; descriptors, operations and timers are
// counted at the end.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "reuse_links.h"
#include "reuse_parts.h"

namespace rondo::stress {

namespace {

constexpr int64_t kStallNs = 30'000'000'000;
constexpr size_t kWriteBytes = 32'768;

struct Options {
    long rounds = 20'000;
    int workers = 4;
    int crews = 4;  // a worker
    uint64_t seed = 0;
};

std::atomic<long> rounds_begun{0}, rounds_ended{0}, calls_ended_by_close{0};

// Closes the number, or puts a new connection in its place; returns the connection that was opened at once after it.
Link close_and_reuse(int number, bool replace) {
    if (!replace) {
        close_fd(number);
        return open_unix();
    }
    Link fresh = open_unix();
    expect_equal(rondo_dup2(fresh.ours, number), number, "dup2");
    close_fd(fresh.ours);
    fresh.ours = number;
    return fresh;
}

class Crew {
   public:
    Crew(std::vector<std::unique_ptr<Part>> parts, std::vector<Mailbox*> closers, uint64_t seed)
        : parts_(std::move(parts)),
          closers_(std::move(closers)),
          random_(seed),
          listener_(listen_on_loopback(&address_)) {}
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() { close_fd(listener_); }

    void play(long rounds) {
        while (rounds_begun.fetch_add(1) < rounds) {
            round();
            rounds_ended.fetch_add(1);
        }
    }

   private:
    enum class Waits { reading, polling, selecting, writing, accepting };

    Link open_link() {
        switch (random_.below(8)) {
            case 0:
                return open_tcp(listener_, address_);
            case 1:
                return open_pipe(Kind::pipe_reader);
            case 2:
                return open_pipe(Kind::pipe_writer);
            case 3: {
                sockaddr_in ignored;
                return {Kind::listener, listen_on_loopback(&ignored), -1, 0};
            }
            default:
                return open_unix();
        }
    }

    Waits choose_wait(const Link& link) {
        if (link.kind == Kind::listener) return random_.one_in(2) ? Waits::accepting : Waits::polling;
        if (!link.readable()) return Waits::writing;
        int choice = random_.below(link.writable() && !writes_ ? 5 : 3);
        return choice == 0   ? Waits::polling
               : choice == 1 ? Waits::selecting
               : choice >= 3 ? Waits::writing
                             : Waits::reading;
    }

    Part::Call call_of(Waits what, const Link& link, std::vector<char>& buffer) {
        int fd = link.ours;
        switch (what) {
            case Waits::reading:
                buffer.resize(256);
                return [fd, &buffer] { return rondo_read(fd, buffer.data(), buffer.size()); };
            case Waits::writing:
                buffer.resize(kWriteBytes);
                fill(buffer.data(), buffer.size(), link.tag);
                return [fd, &buffer] { return rondo_write(fd, buffer.data(), buffer.size()); };
            case Waits::accepting:
                return [fd] { return ssize_t{rondo_accept(fd, nullptr, nullptr)}; };
            case Waits::selecting:
                return [fd] {
                    fd_set readable;
                    FD_ZERO(&readable);
                    FD_SET(fd, &readable);
                    return ssize_t{rondo_select(fd + 1, &readable, nullptr, nullptr, nullptr)};
                };
            case Waits::polling:
                break;
        }
        return [fd] {
            pollfd watched{fd, POLLIN, 0};
            return ssize_t{rondo_poll(&watched, 1, -1)};
        };
    }

    void begin_waits(const Link& link) {
        writes_ = false;
        size_t count = 1 + static_cast<size_t>(random_.below(static_cast<int>(parts_.size())));
        waits_.clear();
        buffers_.resize(parts_.size());
        for (size_t i = 0; i < count && !(writes_ && !link.readable()); ++i) {
            waits_.push_back(choose_wait(link));
            writes_ = writes_ || waits_.back() == Waits::writing;
            parts_[i]->begin(call_of(waits_.back(), link, buffers_[i]));
        }
    }

    // Bytes in flight while the number is closed. The connection may be gone by the time.
    size_t feed(const Link& link) {
        size_t fed = 0;
        for (int messages = link.readable() ? random_.below(4) : 0; messages > 0; --messages) {
            ssize_t wrote = rondo_write(link.peer, &link.tag, sizeof link.tag);
            if (wrote < 0)
                expect(errno == EPIPE || errno == ECONNRESET, "a write to a connection that is being closed");
            fed += wrote > 0 ? static_cast<size_t>(wrote) : 0;
        }
        return fed;
    }

    Link have_it_closed(const Link& link, size_t* fed) {
        Link fresh;
        Semaphore closed;
        bool replace = random_.one_in(4);
        size_t who = static_cast<size_t>(random_.below(static_cast<int>(closers_.size() + 1)));
        if (who == closers_.size()) {
            *fed += feed(link);
            return close_and_reuse(link.ours, replace);
        }
        closers_[who]->post([&] {
            fresh = close_and_reuse(link.ours, replace);
            closed.post();
        });
        *fed += feed(link);
        closed.wait();
        return fresh;
    }

    // Ends the parts, and returns how many bytes the writer says that it sent, or -1.
    ssize_t end_waits(const Link& link, size_t fed) {
        ssize_t sent = 0;
        size_t received = 0;
        for (size_t i = 0; i < waits_.size(); ++i) {
            ssize_t result = parts_[i]->result();
            int error = parts_[i]->error();
            calls_ended_by_close.fetch_add(result < 0 ? 1 : 0);
            if (result < 0) expect_equal(error, EBADF, "the error of a call whose descriptor was closed");
            switch (waits_[i]) {
                case Waits::reading:
                    expect(result != 0, "no end of a stream that has not ended");
                    received += result > 0 ? static_cast<size_t>(result) : 0;
                    if (result > 0)
                        expect_tag(buffers_[i].data(), static_cast<size_t>(result), link.tag, 0, "bytes read");
                    break;
                case Waits::writing:
                    sent = result;
                    break;
                case Waits::accepting:
                    expect(result < 0, "nobody connected");
                    break;
                default:
                    expect(result != 0, "a wait without a timeout");
            }
        }
        expect(received <= fed, "no more bytes received than sent");
        return sent > 0 ? sent : 0;
    }

    // What the writer sent is at the peer, unless TCP has thrown it away with the connection.
    void drain(const Link& link, ssize_t sent) {
        char bytes[4096];
        size_t got = 0;
        ssize_t now;
        while ((now = rondo_read(link.peer, bytes, sizeof bytes)) > 0) {
            expect_tag(bytes, static_cast<size_t>(now), link.tag, got, "bytes of a writer");
            got += static_cast<size_t>(now);
        }
        if (now < 0) expect_equal(errno, ECONNRESET, "the end of a connection");
        if (link.kind != Kind::tcp) expect_equal(static_cast<long>(got), sent, "bytes that a writer says it sent");
    }

    void round() {
        Link link = open_link();
        size_t fed = 0;
        begin_waits(link);
        if (random_.one_in(4)) fed = feed(link);
        Link fresh = have_it_closed(link, &fed);
        expect_private(fresh);
        ssize_t sent = end_waits(link, fed);
        if (link.kind != Kind::listener && link.kind != Kind::pipe_reader) drain(link, sent);
        if (link.peer >= 0) close_fd(link.peer);
        expect_private(fresh);
        close_fd(fresh.ours);
        close_fd(fresh.peer);
    }

    std::vector<std::unique_ptr<Part>> parts_;
    std::vector<Mailbox*> closers_;
    std::vector<Waits> waits_;
    std::vector<std::vector<char>> buffers_;
    bool writes_ = false;
    Random random_;
    sockaddr_in address_;
    int listener_;
};

void watch(long rounds) {
    long seen = -1;
    int64_t since = now_ns();
    while (true) {
        timespec pause{0, 200'000'000};
        nanosleep(&pause, nullptr);
        long ended = rounds_ended.load();
        if (ended != seen) {
            seen = ended;
            since = now_ns();
        } else if (ended < rounds && now_ns() - since > kStallNs) {
            fail("no progress for 30 s: a waiter was left");
        }
    }
}

constexpr size_t kParts = 3;  // of a crew

struct Service {
    std::unique_ptr<Mailbox> box = std::make_unique<Mailbox>();
    std::unique_ptr<Seat> seat;
};

Service serve_on(Seating& seating, size_t worker) {
    Service service;
    service.seat = seating.take(worker);
    service.seat->play([box = service.box.get()] { box->serve(); });
    return service;
}

void play_all(const Options& options, Seating& seating, Mailbox& foreign) {
    const size_t workers = seating.workers();
    std::vector<Service> witnesses, closers;
    std::vector<Mailbox*> closing{&foreign};
    for (size_t worker = 0; worker < workers; ++worker) {
        witnesses.push_back(serve_on(seating, worker));
        closers.push_back(serve_on(seating, worker));
        closing.push_back(closers.back().box.get());
    }
    std::vector<std::unique_ptr<Crew>> crews;
    std::vector<std::unique_ptr<Seat>> leaders;
    for (size_t i = 0; i < workers * static_cast<size_t>(options.crews); ++i) {
        std::vector<std::unique_ptr<Part>> parts;
        for (size_t part = 0; part < kParts; ++part) {
            size_t worker = (i + part) % workers;
            parts.push_back(std::make_unique<Part>(seating.take(worker), witnesses[worker].box.get()));
        }
        crews.push_back(std::make_unique<Crew>(std::move(parts), closing, options.seed + i));
        leaders.push_back(seating.take(i % workers));
    }
    for (size_t i = 0; i < crews.size(); ++i) {
        leaders[i]->play([crew = crews[i].get(), &options] { crew->play(options.rounds); });
    }
    leaders.clear();
    crews.clear();
    for (auto* services : {&witnesses, &closers}) {
        for (Service& service : *services) service.box->post(nullptr);
    }
}

int run(const Options& options) {
    printf("close_reuse: %ld rounds, %d workers, %d crews each, seed %lu\n", options.rounds, options.workers,
           options.crews, static_cast<unsigned long>(options.seed));
    fflush(stdout);
    std::thread([&options] { watch(options.rounds); }).detach();
    Mailbox foreign;
    std::thread closer([&foreign] { foreign.serve(); });
    const size_t each = 2 + static_cast<size_t>(options.crews) * (kParts + 1);
    Seating seating(options.workers, each);
    const int descriptors = open_descriptors();
    const int64_t start = now_ns();
    play_all(options, seating, foreign);
    printf("%ld rounds in %.1f s, %ld calls ended by a close\n", rounds_ended.load(),
           static_cast<double>(now_ns() - start) / 1e9, calls_ended_by_close.load());
    foreign.post(nullptr);
    closer.join();
    expect_equal(open_descriptors(), descriptors, "open descriptors at the end");
    expect_equal(rounds_ended.load(), options.rounds, "rounds");
    return 0;
}

Options parse(int argc, char** argv) {
    Options options;
    options.seed = static_cast<uint64_t>(now_ns(CLOCK_REALTIME));
    for (int i = 1; i + 1 < argc; i += 2) {
        std::string name = argv[i], value = argv[i + 1];
        if (name == "--rounds") options.rounds = atol(value.c_str());
        if (name == "--workers") options.workers = atoi(value.c_str());
        if (name == "--crews") options.crews = atoi(value.c_str());
        if (name == "--seed") options.seed = strtoull(value.c_str(), nullptr, 10);
    }
    if (argc % 2 == 1 && options.rounds > 0 && options.workers > 0 && options.crews > 0) return options;
    fprintf(stderr, "usage: close_reuse [--rounds N] [--workers W] [--crews C] [--seed S]\n");
    exit(2);
}

}  // namespace

}  // namespace rondo::stress

int main(int argc, char** argv) {
    using namespace rondo::stress;
    auto options = parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    setenv("RONDO_WORKERS", std::to_string(options.workers).c_str(), 1);
    int status = run(options);
    expect_nothing_left();
    printf("nothing lost\n");
    fflush(nullptr);
    _exit(status);
}
