// SPDX-License-Identifier: Apache-2.0
//
// Each call is made for real and what it made is closed: sandboxes refuse by number or by argument, and only the call
// itself tells.

#include "syscall_shim/tools/kernel.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rondo {

namespace {

// Closes the descriptor that a call made, or says that there is none.
std::string judge(const char* call, int fd) {
    if (fd >= 0) {
        close(fd);
        return {};
    }
    return std::string("this system refuses ") + call + " (" + strerror(errno) + "), which Rondo needs";
}

}  // namespace

std::string missing_from_kernel() {
    std::string missing = judge("epoll_create1", epoll_create1(EPOLL_CLOEXEC));
    return missing.empty() ? judge("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) : missing;
}

}  // namespace rondo
