// SPDX-License-Identifier: Apache-2.0
//
// See reuse_links.h. Send buffers are small, so that a writer waits after few bytes.
#include "reuse_links.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <atomic>

namespace rondo::stress {

namespace {

constexpr int kSmallBuffer = 4096;

std::atomic<uint64_t> next_tag{1};

// Closing resets the connection, so that no port stays behind in TIME_WAIT.
void close_without_trace(int fd) {
    linger hard{1, 0};
    rondo_setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void make_small(int fd) {
    expect_equal(rondo_setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSmallBuffer, sizeof kSmallBuffer), 0, "setsockopt");
}

}  // namespace

void fill(char* bytes, size_t length, uint64_t tag) {
    for (size_t at = 0; at < length; at += sizeof tag) memcpy(bytes + at, &tag, std::min(sizeof tag, length - at));
}

void expect_tag(const char* bytes, size_t length, uint64_t tag, size_t position, const char* what) {
    char pattern[sizeof tag];
    memcpy(pattern, &tag, sizeof tag);
    for (size_t i = 0; i < length; ++i) expect(bytes[i] == pattern[(position + i) % sizeof tag], what);
}

void close_fd(int fd) { expect_equal(rondo_close(fd), 0, "close"); }

int listen_on_loopback(sockaddr_in* address) {
    *address = {};
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof *address;
    int fd = rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(fd >= 0, "socket");
    expect_equal(bind(fd, reinterpret_cast<sockaddr*>(address), length), 0, "bind");
    expect_equal(listen(fd, 16), 0, "listen");
    expect_equal(getsockname(fd, reinterpret_cast<sockaddr*>(address), &length), 0, "getsockname");
    return fd;
}

Link open_unix() {
    int pair[2];
    expect_equal(rondo_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0, "socketpair");
    make_small(pair[0]);
    return {Kind::unix_socket, pair[0], pair[1], next_tag.fetch_add(1)};
}

Link open_pipe(Kind kind) {
    int ends[2];
    expect_equal(rondo_pipe2(ends, O_CLOEXEC), 0, "pipe2");
    fcntl(ends[0], F_SETPIPE_SZ, kSmallBuffer);
    bool reads = kind == Kind::pipe_reader;
    return {kind, ends[reads ? 0 : 1], ends[reads ? 1 : 0], next_tag.fetch_add(1)};
}

Link open_tcp(int listener, const sockaddr_in& address) {
    int client = rondo_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    expect(client >= 0, "socket");
    make_small(client);
    expect_equal(rondo_connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0, "connect");
    int server = rondo_accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    expect(server >= 0, "accept4");
    close_without_trace(client);
    close_without_trace(server);
    return {Kind::tcp, client, server, next_tag.fetch_add(1)};
}

void expect_private(const Link& link) {
    for (auto [from, to] : {std::pair{link.ours, link.peer}, std::pair{link.peer, link.ours}}) {
        char bytes[sizeof link.tag];
        expect_equal(rondo_write(from, &link.tag, sizeof link.tag), sizeof link.tag, "a write on a new connection");
        expect_equal(rondo_read(to, bytes, sizeof bytes), sizeof bytes, "a read on a new connection");
        expect_tag(bytes, sizeof bytes, link.tag, 0, "bytes of a new connection");
    }
}

}  // namespace rondo::stress
