// SPDX-License-Identifier: Apache-2.0
//
// See message_fds.h.

#include "runtime/io/message_fds.h"

#include <cstring>

#include "runtime/io/fd_table.h"

namespace rondo {

namespace {

template <typename Visit>
void for_each_fd(msghdr& message, Visit visit) {
    if (message.msg_control == nullptr) {
        return;
    }
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            visit(fd);
        }
    }
}

}  // namespace

void note_received_fds(msghdr& message) {
    for_each_fd(message, [](int fd) { FdTable::instance().born_unknown(fd); });
}

void note_passed_fds(const msghdr& message) {
    for_each_fd(const_cast<msghdr&>(message), [](int fd) { FdTable::instance().share(fd); });
}

}  // namespace rondo
