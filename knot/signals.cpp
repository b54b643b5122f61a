// SPDX-License-Identifier: Apache-2.0
//
// See signals.h.

#include "knot/signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

namespace knot::signals {

namespace {

int ends_of_pipe[2] = {-1, -1};
std::atomic<bool> wants_end, wants_hangup, wants_report;

void handle(int signal) {
    int error = errno;
    if (signal == SIGHUP) {
        wants_hangup = true;
    } else if (signal == SIGUSR1) {
        wants_report = true;
    } else if (wants_end.exchange(true)) {
        _exit(1);
    }
    if (write(ends_of_pipe[1], "", 1) < 0) {
        // Full: there is something to read anyway.
    }
    errno = error;
}

}  // namespace

int install() {
    if (pipe2(ends_of_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return errno;
    }
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;
    for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
        if (sigaction(signal, &action, nullptr) != 0) {
            return errno;
        }
    }
    action.sa_handler = SIG_IGN;
    return sigaction(SIGPIPE, &action, nullptr) == 0 ? 0 : errno;
}

int descriptor() { return ends_of_pipe[0]; }

void clear() {
    char bytes[64];
    while (read(ends_of_pipe[0], bytes, sizeof bytes) > 0) {
    }
}

bool ends() { return wants_end; }

bool take_hangup() { return wants_hangup.exchange(false); }

bool take_report() { return wants_report.exchange(false); }

}  // namespace knot::signals
