// SPDX-License-Identifier: Apache-2.0
//
// See service.h. The main thread waits for signals and does nothing else.
#include "bench/servers/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "knot/listener.h"
#include "knot/signals.h"

namespace twin {

namespace {

constexpr uint64_t kTickMs = 100;
constexpr uint64_t kDrainGraceMs = 1000;
constexpr uint64_t kLingerMs = 2000;
constexpr size_t kOwnDescriptors = 64;

[[noreturn]] void fail(const char* what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

// How many connections may be open, by the limit on descriptors, which is raised as far as it goes.
size_t connection_limit(const knot::Config& config) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const size_t spare = limit.rlim_cur > 2 * kOwnDescriptors ? limit.rlim_cur - kOwnDescriptors : limit.rlim_cur / 2;
    return std::min<size_t>(config.connections, spare);
}

// As knot has it: what --workers put into the environment, else the processors that we may use.
unsigned worker_count() {
    const char* setting = getenv("RONDO_WORKERS");
    cpu_set_t processors;
    sched_getaffinity(0, sizeof processors, &processors);
    const int count = setting != nullptr ? atoi(setting) : 0;
    return static_cast<unsigned>(count > 0 ? count : CPU_COUNT(&processors));
}

struct Worker {
    pthread_t thread;
    Service* service;
    void (*run)(Service&);
};

void* start_worker(void* argument) {
    const Worker& worker = *static_cast<Worker*>(argument);
    worker.run(*worker.service);
    return nullptr;
}

void wait_for_end(Service& service) {
    while (!knot::signals::ends()) {
        pollfd signalled{knot::signals::descriptor(), POLLIN, 0};
        poll(&signalled, 1, -1);
        knot::signals::clear();
        if (knot::signals::take_hangup()) service.access_log.reopen();
    }
}

}  // namespace

Service::Service(const knot::Config& settings, int root, int listening)
    : config(settings),
      files(root, config.cache, clock),
      listener(listening),
      end_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      most_connections(connection_limit(config)),
      workers(worker_count()) {
    errno = access_log.open(config.access_log);
    if (errno != 0) fail(config.access_log.c_str());
    errno = access_log.start();
    if (errno != 0) fail("access log");
}

void Service::log(int fd, const Exchange& exchange) {
    if (!access_log.enabled()) return;
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "-";
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0) {
        const bool v6 = peer.ss_family == AF_INET6;
        const void* address = v6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(peer).sin6_addr)
                                 : &reinterpret_cast<sockaddr_in&>(peer).sin_addr;
        inet_ntop(peer.ss_family, address, text, sizeof text);
    }
    access_log.add(text, exchange.request(), exchange.response().status(), exchange.response().body_length());
}

void Service::end() {
    const uint64_t one = 1;
    ending_.store(true, std::memory_order_relaxed);
    if (write(end_event, &one, sizeof one) < 0) fail("eventfd");
}

uint64_t Service::pass() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    const uint64_t now_ms = static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
    if (now_ms - ticked_.load(std::memory_order_relaxed) >= kTickMs &&
        !ticking_.test_and_set(std::memory_order_acquire)) {
        ticked_.store(now_ms, std::memory_order_relaxed);
        clock.tick();
        ticking_.clear(std::memory_order_release);
    }
    return now_ms;
}

uint64_t Service::deadline(Phase phase, uint64_t now_ms, uint64_t length) const {
    switch (phase) {
        case Phase::idle:
            return now_ms + (ending() ? kDrainGraceMs : config.idle_timeout * 1000ULL);
        case Phase::head:
            return now_ms + config.header_timeout * 1000ULL;
        case Phase::body:
            return now_ms + config.body_timeout * 1000ULL;
        case Phase::send:
            return now_ms + config.send_timeout * 1000ULL + length * 1000 / config.min_rate;
        default:
            return now_ms + kLingerMs;
    }
}

int serve(int argc, char** argv, const char* program, void (*run)(Service& service), Threads threads) {
    const knot::Config config = knot::parse_arguments(argc, argv, program);
    const int root = open(config.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) fail(config.root.c_str());
    errno = knot::signals::install();
    if (errno != 0) fail("signals");
    uint16_t port = 0;
    const int listener = knot::listen_on(config, port);
    if (listener < 0) return 1;
    Service service(config, root, listener);
    std::vector<Worker> workers(threads == Threads::each ? service.workers : 1);
    for (Worker& worker : workers) {
        worker = {{}, &service, run};
        errno = pthread_create(&worker.thread, nullptr, start_worker, &worker);
        if (errno != 0) fail("pthread_create");
    }
    printf("listening on port %u\n", port);
    fflush(stdout);
    wait_for_end(service);
    service.end();
    for (Worker& worker : workers) pthread_join(worker.thread, nullptr);
    service.access_log.stop();
    return 0;
}

}  // namespace twin
