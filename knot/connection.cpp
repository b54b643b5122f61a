// SPDX-License-Identifier: Apache-2.0
//
// See connection.h.
//
//     serve            for each request:
//       wait_for_request the idle connection is parked here
//       receive_head     until it is whole
//       receive_body     reads past a body, if there is one
//       answer           plans the response and sends it
//     linger           lets the client read the last answer before the end
//
// A request costs two system calls: one receives it, one sends head and content together. Deadlines cost two stores
// (connections.h); when one passes, the blocked call returns as if the client had gone, and is_over() tells the
// difference.

#include "knot/connection.h"

#include <arpa/inet.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "knot/body.h"
#include "knot/input.h"

namespace knot {

namespace {

constexpr size_t kRoom = 256;             // the least that is worth a recv
constexpr uint64_t kFileChunk = 1 << 20;  // sent under one deadline
constexpr int kVectors = 4;
constexpr unsigned kLingerTimeout = 2;  // seconds
constexpr uint64_t kLingerBytes = 1 << 20;

struct Connection {
    Connection(Server& shared, Connections::Id entry)
        : server(shared),
          id(entry),
          descriptor(shared.connections.descriptor(entry)),
          input(descriptor, shared.buffers) {}

    // What waits to be sent is dropped with the connection, memory and all.
    void reset() const {
        struct linger nothing {
            1, 0
        };
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &nothing, sizeof nothing);
    }

    void begin(Phase phase, unsigned seconds) { server.connections.begin(id, phase, seconds * 1000); }

    Server& server;
    const Connections::Id id;
    const int descriptor;
    bool lingers = false;  // the client may still be sending
    Input input;
};

bool send_vector(int descriptor, iovec* vector, size_t count, int flags) {
    msghdr message{};
    message.msg_iov = vector;
    message.msg_iovlen = count;
    for (;;) {
        ssize_t sent = sendmsg(descriptor, &message, flags | MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        for (auto left = static_cast<size_t>(std::max<ssize_t>(sent, 0)); left > 0 || message.msg_iov->iov_len == 0;) {
            size_t step = std::min(left, message.msg_iov->iov_len);
            message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + step;
            message.msg_iov->iov_len -= step;
            left -= step;
            if (message.msg_iov->iov_len == 0) {
                ++message.msg_iov;
                if (--message.msg_iovlen == 0) {
                    return true;
                }
            }
        }
    }
}

void begin_sending(Connection& connection, uint64_t length) {
    const Config& config = connection.server.config;
    connection.begin(Phase::sending, config.send_timeout + static_cast<unsigned>(length / config.min_rate));
}

// A file that became shorter ends the connection: its length was promised.
[[gnu::noinline]] bool send_file(Connection& connection, const Piece& piece) {
    auto offset = static_cast<off_t>(piece.offset);
    uint64_t left = piece.length;
    while (left > 0) {
        uint64_t chunk = std::min(left, kFileChunk);
        begin_sending(connection, chunk);
        ssize_t sent = sendfile(connection.descriptor, piece.descriptor, &offset, chunk);
        if (sent == 0 || (sent < 0 && errno != EINTR)) {
            return false;
        }
        left -= static_cast<uint64_t>(std::max<ssize_t>(sent, 0));
    }
    return true;
}

// False: the client is gone or too slow.
bool send_response(Connection& connection, const Response& response) {
    const Piece* piece = response.pieces();
    const Piece* const end = piece + response.count();
    begin_sending(connection, response.body_length());
    while (piece != end) {
        iovec vector[kVectors];
        size_t count = 0;
        for (; piece != end && piece->data != nullptr && count < kVectors; ++piece) {
            vector[count++] = {const_cast<char*>(piece->data), piece->length};
        }
        if (count > 0 && !send_vector(connection.descriptor, vector, count, piece == end ? 0 : MSG_MORE)) {
            return false;
        }
        for (; piece != end && piece->data == nullptr; ++piece) {
            if (!send_file(connection, *piece)) {
                return false;
            }
        }
    }
    return true;
}

[[gnu::noinline]] void log(const Connection& connection, const Request& request, const Response& response) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "-";
    if (getpeername(connection.descriptor, reinterpret_cast<sockaddr*>(&peer), &length) == 0) {
        const void* address = peer.ss_family == AF_INET6
                                  ? static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&peer)->sin6_addr)
                                  : &reinterpret_cast<sockaddr_in*>(&peer)->sin_addr;
        inet_ntop(peer.ss_family, address, text, sizeof text);
    }
    connection.server.log.add(text, request, response.status(), response.body_length());
}

// Whether the connection goes on.
bool finish(Connection& connection, const Request& request, const Response& response) {
    bool sent = send_response(connection, response);
    if (!sent) {
        connection.reset();
    }
    connection.server.connections.count_request(connection.id);
    if (connection.server.log.enabled()) {
        log(connection, request, response);
    }
    return sent && response.keep_alive();
}

[[gnu::noinline]] bool answer(Connection& connection, Work& work, bool closing) {
    const Request& request = work.parser().request();
    closing |= connection.server.connections.draining();
    bool goes_on = finish(connection, request, work.respond(request, connection.server.site, closing));
    connection.lingers = !goes_on && request.keep_alive;
    return goes_on;
}

[[gnu::noinline]] bool refuse(Connection& connection, Work& work, int status) {
    const Request& request = work.parser().request();
    connection.lingers = true;
    return finish(connection, request, work.respond(status, connection.server.site, request.method));
}

// False: the client left or waited too long.
bool wait_for_request(Connection& connection) {
    connection.input.settle();
    connection.server.connections.begin_idle(connection.id);
    return connection.input.receive() > 0;
}

// `more`: the client left or was too slow.
Progress receive_head(Connection& connection, RequestParser& parser) {
    Input& input = connection.input;
    Progress progress = parser.parse(input.bytes());
    if (progress != Progress::more) {
        return progress;
    }
    connection.begin(Phase::receiving, connection.server.config.header_timeout);
    while (progress == Progress::more) {
        bool moved = false;
        if (!input.make_room(kRoom, moved)) {
            return Progress::more;
        }
        if (moved) {
            parser.reset();
        }
        if (input.receive() <= 0) {
            return Progress::more;
        }
        progress = parser.parse(input.bytes());
    }
    return progress;
}

// The bytes behind the head go as they come; the head stays for the answer. As of receive_head.
[[gnu::noinline]] Progress receive_body(Connection& connection, RequestParser& parser, int& status) {
    Input& input = connection.input;
    Body body(parser.request(), connection.server.config.limits);
    connection.begin(Phase::receiving, connection.server.config.body_timeout);
    for (;;) {
        size_t used = 0;
        Progress progress = body.consume(input.behind(parser.length()), used);
        input.cut(parser.length(), used);
        status = body.status();
        bool moved = false;
        if (progress != Progress::more || !input.make_room(kRoom, moved)) {
            return progress;
        }
        if (moved) {
            parser.reset();
            parser.parse(input.bytes());
        }
        if (input.receive() <= 0) {
            return Progress::more;
        }
    }
}

// A client that asks before it sends a body is told at once if the method is not served; its body then never comes.
[[gnu::noinline]] bool invites_body(Connection& connection, const RequestParser& parser) {
    const Request& request = parser.request();
    if (!request.expects_continue || !connection.input.behind(parser.length()).empty()) {
        return true;
    }
    if (request.method > Method::options) {
        return false;
    }
    iovec vector{const_cast<char*>(kContinue.data()), kContinue.size()};
    begin_sending(connection, kContinue.size());
    return send_vector(connection.descriptor, &vector, 1, 0);
}

// False: it was the last.
bool serve_request(Connection& connection) {
    if (connection.input.bytes().empty() && !wait_for_request(connection)) {
        return false;
    }
    Work work(connection.server.work, connection.server.config.limits);
    if (!work) {
        return false;
    }
    RequestParser& parser = work.parser();
    Progress progress = receive_head(connection, parser);
    int status = parser.status();
    bool closing = false;
    if (progress == Progress::complete && parser.request().has_body()) {
        closing = !invites_body(connection, parser);
        progress = closing ? progress : receive_body(connection, parser, status);
    }
    if (progress == Progress::complete) {
        bool goes_on = answer(connection, work, closing);
        connection.input.drop(parser.length());
        return goes_on;
    }
    if (progress == Progress::refused) {
        return refuse(connection, work, status);
    }
    bool too_slow = !connection.input.bytes().empty() && connection.server.connections.is_over(connection.id);
    return too_slow && refuse(connection, work, 408);
}

// A close with unread bytes would reset the connection, and the client might lose the answer.
[[gnu::noinline]] void linger(Connection& connection) {
    shutdown(connection.descriptor, SHUT_WR);
    connection.begin(Phase::receiving, kLingerTimeout);
    for (uint64_t dropped = 0; dropped < kLingerBytes;) {
        connection.input.settle();
        ssize_t got = connection.input.receive();
        if (got <= 0) {
            return;
        }
        dropped += static_cast<uint64_t>(got);
    }
}

}  // namespace

void serve(Server& server, Connections::Id id) {
    {
        Connection connection(server, id);
        while (serve_request(connection)) {
        }
        if (connection.lingers) {
            linger(connection);
        }
    }
    server.connections.close(id);
}

}  // namespace knot
