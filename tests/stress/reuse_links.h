// SPDX-License-Identifier: Apache-2.0
//
// Connections of the close-and-reuse stress. Each has a tag of its own, and its bytes are that tag, repeated: whoever
// receives bytes can tell whether they are the connection's, wherever the stream was cut.
#pragma once

#include <netinet/in.h>

#include "stress.h"

namespace rondo::stress {

enum class Kind { unix_socket, tcp, pipe_reader, pipe_writer, listener };

struct Link {
    Kind kind = Kind::unix_socket;
    int ours = -1;  // the number that is closed under its waiters
    int peer = -1;  // none for a listener
    uint64_t tag = 0;

    bool readable() const { return kind != Kind::pipe_writer && kind != Kind::listener; }
    bool writable() const { return kind != Kind::pipe_reader && kind != Kind::listener; }
};

int listen_on_loopback(sockaddr_in* address);
Link open_unix();
Link open_tcp(int listener, const sockaddr_in& address);
// The end that is ours reads or writes.
Link open_pipe(Kind kind);
void close_fd(int fd);

void fill(char* bytes, size_t length, uint64_t tag);
// The bytes are those of the connection with this tag, from this position on.
void expect_tag(const char* bytes, size_t length, uint64_t tag, size_t position, const char* what);
// Both directions of a connection that nobody else knows carry its tag and nothing else.
void expect_private(const Link& link);

}  // namespace rondo::stress
