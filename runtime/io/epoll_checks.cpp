// SPDX-License-Identifier: Apache-2.0
//
// The look that the epoll backend takes, each 100 ms, at the numbers that operations have waited on since the one
// before: a registration may have gone with a description that was closed in ways that no library sees. Runs in the
// worker's loop, a few numbers in each poll, so that nobody waits for a walk over all.

#include "runtime/base/sys.h"
#include "runtime/io/epoll_backend.h"

namespace rondo {

void EpollBackend::begin_look() {
    next_check_ = ticks() + check_ticks_;
    ++looks_;
    looked_at_ = waited_on_;
    waited_on_ = {};
}

// What is still waited on since before the previous look has been for 100 to 200 ms. The others come back when they
// are as old, or when they are next waited on.
void EpollBackend::look() {
    for (int i = 0; i < kLookedAt && !looked_at_.empty(); ++i) {
        uint32_t fd = looked_at_.pop_front(watches_);
        Watch& watch = watches_[fd];
        if (!watch.waited_on()) {
            continue;
        }
        if (looks_ - watch.since > 1) {
            check_registration(static_cast<int>(fd));
        } else {
            waited_on_.push_back(watches_, fd);
        }
    }
}

// Re-arming asks the kernel for the present state, so this also mends a registration whose edge was lost.
void EpollBackend::check_registration(int fd) {
    Watch& watch = watches_[fd];
    epoll_event event{};
    event.events = kAllEvents;
    event.data.u64 = tag_of(fd, watch.generation);
    long error = sys::call(SYS_epoll_ctl, epoll_, EPOLL_CTL_MOD, fd, sys::to_arg(&event));
    if (error == -ENOENT) {
        error = register_fd(fd, watch);
    }
    if (error != 0) {
        reset(watch, error);
    }
}

}  // namespace rondo
