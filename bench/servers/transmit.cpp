// SPDX-License-Identifier: Apache-2.0
//
// See transmit.h. A file that has become shorter than its answer's head says breaks the connection: there is no other
// way to tell the client. A single piece goes by send(), which spares the kernel a vector.
#include "bench/servers/transmit.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace twin {

namespace {

constexpr size_t kMostPieces = 32;
constexpr uint64_t kMostRange = 1 << 30;

ssize_t send_memory(int fd, const iovec* pieces, size_t count, bool file_follows) {
    const int flags = MSG_NOSIGNAL | (file_follows ? MSG_MORE : 0);
    if (count == 1) return send(fd, pieces->iov_base, pieces->iov_len, flags);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    return sendmsg(fd, &message, flags);
}

ssize_t send_range(int fd, const knot::Piece& range) {
    off_t offset = static_cast<off_t>(range.offset);
    const ssize_t n = sendfile(fd, range.descriptor, &offset, std::min(range.length, kMostRange));
    if (n == 0) errno = EIO;
    return n == 0 ? -1 : n;
}

ssize_t send_next(int fd, const Exchange& exchange) {
    knot::Piece range;
    if (exchange.file_range(range)) return send_range(fd, range);
    iovec pieces[kMostPieces];
    bool file_follows = false;
    const size_t count = exchange.pieces(pieces, kMostPieces, file_follows);
    return send_memory(fd, pieces, count, file_follows);
}

}  // namespace

Sent transmit(int fd, Exchange& exchange) {
    while (exchange.has_output()) {
        const ssize_t n = send_next(fd, exchange);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN ? Sent::blocked : Sent::broken;
        exchange.sent(static_cast<uint64_t>(n));
    }
    return Sent::all;
}

}  // namespace twin
