// SPDX-License-Identifier: Apache-2.0
//
// See own_descriptors.h. Nothing of the program's table is copied: the kernel unshares and empties it in one call.

#include "runtime/system/own_descriptors.h"

#include <linux/close_range.h>

#include <cerrno>

#include "runtime/base/sys.h"

namespace rondo {

// Or -errno; to be closed.
int OwnDescriptors::borrow_stderr() {
    long process = sys::call(SYS_pidfd_open, sys::getpid());
    if (process < 0) {
        return static_cast<int>(process);
    }
    long fd = sys::call(SYS_pidfd_getfd, process, 2);
    sys::close(static_cast<int>(process));
    return static_cast<int>(fd);
}

bool OwnDescriptors::take(bool speaks) {
    int fd = speaks ? borrow_stderr() : -EBADF;
    if (fd >= 0) {
        sys::close(fd);
    }
    bool can_speak = fd >= 0 || fd == -EBADF;  // a closed one will do
    own_ = can_speak && sys::call(SYS_close_range, 0, static_cast<long>(~0U), CLOSE_RANGE_UNSHARE) == 0;
    return own_;
}

void OwnDescriptors::say(std::string_view text) const {
    int fd = own_ ? borrow_stderr() : 2;
    while (!text.empty()) {
        long written = sys::write(fd, text.data(), text.size());
        if (written <= 0 && written != -EINTR) {
            break;
        }
        text.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
    if (own_ && fd >= 0) {
        sys::close(fd);
    }
}

}  // namespace rondo
