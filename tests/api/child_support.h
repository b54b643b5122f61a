// SPDX-License-Identifier: Apache-2.0
//
// Forked children for the tests: each judges itself and leaves by _exit with the number of the first thing that did not
// hold (0 is good), ends by an alarm if it hangs, and is waited for with a bound.
#pragma once

#include <sys/wait.h>

#include "io_support.h"

namespace rondo::api_test {

constexpr unsigned kChildSeconds = 30;

template <class Body>
pid_t fork_child(Body body) {
    fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        alarm(kChildSeconds);
        _exit(body());
    }
    REQUIRE(child > 0);
    return child;
}

// The child's exit status; 256 and more: it was killed.
inline int await_child(pid_t child) {
    int status = -1;
    pid_t ended = 0;
    bool over = eventually([&] { return (ended = waitpid(child, &status, WNOHANG)) != 0; });
    if (!over || ended != child) stalled("a forked child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

}  // namespace rondo::api_test
