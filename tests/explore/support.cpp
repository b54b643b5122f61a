// SPDX-License-Identifier: Apache-2.0
//
// What scenarios share: the schedule's clock, pauses, and descriptors.
#include <fcntl.h>

#include "explore.h"
#include "runtime/base/clock.h"

namespace rondo::stress {

int64_t now_ns(clockid_t clock) { return rondo::clock_now(clock); }

}  // namespace rondo::stress

namespace rondo::explore {

void pause(Random& random) {
    int choice = random.below(8);
    if (choice < 3) return;
    if (choice < 6) {
        for (int i = random.below(3); i >= 0; --i) rondo_yield();
        return;
    }
    timespec length = brief(random);
    rondo_nanosleep(&length, nullptr);
}

Handler::Handler(void (*run)(int), int flags) {
    struct sigaction action {};
    action.sa_handler = run;
    action.sa_flags = flags;
    expect_equal(rondo_sigaction(SIGUSR1, &action, nullptr), 0, "sigaction");
}

Handler::~Handler() {
    struct sigaction none {};
    none.sa_handler = SIG_DFL;
    rondo_sigaction(SIGUSR1, &none, nullptr);
}

timespec brief(Random& random) { return at(random.below(kSpanUs) * 1'000LL); }

Ends socket_pair() {
    int two[2];
    expect_equal(rondo_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two), 0, "socketpair");
    return {two[0], two[1]};
}

Ends some_pipe(Random& random) {
    if (random.one_in(2)) return socket_pair();
    int two[2];
    expect_equal(rondo_pipe2(two, O_CLOEXEC), 0, "pipe2");
    return {two[0], two[1]};
}

void write_byte(int fd) {
    ssize_t wrote;
    while ((wrote = rondo_write(fd, "b", 1)) < 0 && errno == EINTR) {
    }
    expect_equal(wrote, 1, "write");
}

void close_fd(int fd) { expect_equal(rondo_close(fd), 0, "close"); }

void close_both(Ends ends) {
    close_fd(ends.in);
    if (ends.out != ends.in) close_fd(ends.out);
}

}  // namespace rondo::explore
