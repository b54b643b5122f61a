// SPDX-License-Identifier: Apache-2.0
//
// See peers.h. The kernel names the process at the other end of a Unix socket; for TCP the other end is looked for
// among the process's own sockets, in time proportional to its descriptors: this is asked when all threads wait.

#include "runtime/io/peers.h"

#include <sys/socket.h>

#include <cstring>

#include "runtime/base/sys.h"
#include "runtime/io/fd_table.h"

namespace rondo {

namespace {

struct Name {
    sockaddr_storage address{};
    socklen_t length = sizeof(sockaddr_storage);

    bool ask(long number, int fd) { return sys::call(number, fd, sys::to_arg(&address), sys::to_arg(&length)) == 0; }
    bool operator==(const Name& other) const {
        return length == other.length && memcmp(&address, &other.address, length) == 0;
    }
};

bool is_ours(const Name& peer) {
    FdTable& table = FdTable::instance();
    for (int fd = 0; fd <= table.highest(); ++fd) {
        const FdEntry& entry = *table.entry(fd);
        Name own;
        bool stream = entry.life() == FdEntry::Life::live && entry.kind() <= FdKind::stream;
        if (stream && own.ask(SYS_getsockname, fd) && own == peer) {
            return true;
        }
    }
    return false;
}

bool peer_is_inside(int fd) {
    Name peer;
    if (!peer.ask(SYS_getpeername, fd)) {
        return false;
    }
    if (peer.address.ss_family != AF_UNIX) {
        return is_ours(peer);
    }
    ucred credentials{};
    socklen_t length = sizeof credentials;
    long result =
        sys::call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, sys::to_arg(&credentials), sys::to_arg(&length));
    return result == 0 && credentials.pid == sys::getpid();
}

}  // namespace

bool leads_outside(int fd) {
    const FdEntry* entry = FdTable::instance().entry(fd);
    if (entry == nullptr || FdTable::instance().has_given_away()) {
        return true;
    }
    bool inside = entry->has(FdEntry::kInside) && !entry->has(FdEntry::kShared);
    return !inside && !(entry->is_socket() && peer_is_inside(fd));
}

}  // namespace rondo
