// SPDX-License-Identifier: Apache-2.0
//
// See listener.h.

#include "knot/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace knot {

namespace {

// What the kernel takes of an answer before the client's window has room for it. Without a limit it is megabytes, and
// some hundred clients that read nothing use up what all sockets of the system may hold. What is under way is not
// limited.
constexpr int kMostUnsent = 128 << 10;

// The accepted sockets inherit both options of TCP: an answer is one send, and must not wait for the acknowledgement of
// the last.
bool configure(int listener, const addrinfo& address, int backlog) {
    int on = 1;
    return setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           setsockopt(listener, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostUnsent, sizeof kMostUnsent) == 0 &&
           bind(listener, address.ai_addr, address.ai_addrlen) == 0 && listen(listener, backlog) == 0;
}

uint16_t port_of(int listener) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

}  // namespace

int listen_on(const Config& config, uint16_t& port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* address = nullptr;
    int error = getaddrinfo(config.address.c_str(), std::to_string(config.port).c_str(), &hints, &address);
    if (error != 0) {
        fprintf(stderr, "knot: %s: %s\n", config.address.c_str(), gai_strerror(error));
        return -1;
    }
    int listener = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0 || !configure(listener, *address, config.backlog)) {
        fprintf(stderr, "knot: cannot listen on %s port %u: %s\n", config.address.c_str(), config.port,
                strerror(errno));
        close(listener);
        listener = -1;
    } else {
        port = port_of(listener);
    }
    freeaddrinfo(address);
    return listener;
}

}  // namespace knot
