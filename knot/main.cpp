// SPDX-License-Identifier: Apache-2.0
//
// knot and knot-nptl: a web server for files, on Rondo's threads and on the kernel's. Plain POSIX; which of the two it
// is, is decided by what it is linked with.
//
// Threads: main accepts; one keeps the time and ends what has gone on for too long; one writes the access log, if there
// is one; one for each connection.

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "knot/acceptor.h"
#include "knot/config.h"
#include "knot/listener.h"
#include "knot/server.h"
#include "knot/signals.h"

namespace {

constexpr long kTick = 100'000'000;           // ns
constexpr size_t kMostOwnDescriptors = 1024;  // for files that are cached or sent

[[noreturn]] void fail(const char* what, int error) {
    fprintf(stderr, "knot: %s: %s\n", what, strerror(error));
    exit(1);
}

// How many connections may be open, by the limit on descriptors, which is raised as far as it goes.
size_t connection_limit(const knot::Config& config) {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return config.connections;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t own = std::min<size_t>(kMostOwnDescriptors, limit.rlim_cur / 4);
    return std::min<size_t>(config.connections, limit.rlim_cur - own);
}

void* keep_time(void* argument) {
    auto& server = *static_cast<knot::Server*>(argument);
    for (;;) {
        timespec pause{0, kTick};
        nanosleep(&pause, nullptr);
        server.clock.tick();
        server.connections.expire();
    }
}

void start_threads(knot::Server& server) {
    pthread_t timekeeper;
    int error = pthread_create(&timekeeper, nullptr, keep_time, &server);
    if (error != 0) {
        fail("cannot start a thread", error);
    }
    pthread_detach(timekeeper);
    error = server.log.start();
    if (error != 0) {
        fail("cannot start a thread", error);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const char* slash = strrchr(argv[0], '/');
    const knot::Config config = knot::parse_arguments(argc, argv, slash != nullptr ? slash + 1 : argv[0]);
    int root = open(config.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        fail(config.root.c_str(), errno);
    }
    knot::Server server(config, root, connection_limit(config));
    int error = server.log.open(config.access_log);
    if (error != 0) {
        fail(config.access_log.c_str(), error);
    }
    error = knot::signals::install();
    if (error != 0) {
        fail("signals", error);
    }
    uint16_t port = 0;
    int listener = knot::listen_on(config, port);
    if (listener < 0) {
        return 1;
    }
    start_threads(server);
    printf("listening on port %u\n", port);
    fflush(stdout);
    knot::accept_connections(server, listener);
    server.connections.drain();
    size_t left = server.connections.wait_for_end(config.drain_timeout * 1000);
    if (left > 0) {
        fprintf(stderr, "knot: %zu connections were cut off\n", left);
    }
    server.log.stop();
    exit(0);
}
