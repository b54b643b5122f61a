// SPDX-License-Identifier: Apache-2.0
//
// Load generator: the parent forks the processes, waits until each has opened its connections, sets one
// schedule for all, announces its instants on --events-fd, and adds up what they counted. Results and
// schedule are in one shared anonymous mapping; a pair of pipes is the barrier (a byte from each process:
// ready; a byte back: go). Processes rather than threads, because the descriptor limit is a process's.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "client.h"
#include "options.h"
#include "results.h"

namespace loadgen {
namespace {

constexpr uint64_t kLead = 20000000;  // from the last "ready" to the start of the load
constexpr uint64_t kGrace = 1000000000;

struct Shared {
    Schedule schedule;
    Results results[1];
};

struct Pipes {
    int ready[2];
    int go[2];
};

[[noreturn]] void die(const char* what) {
    perror(what);
    exit(2);
}

Shared* map_shared(uint32_t processes) {
    const size_t bytes = sizeof(Shared) + processes * sizeof(Results);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) die("loadgen: mmap");
    return new (memory) Shared;
}

[[noreturn]] void run_child(const Options& options, uint32_t index, Shared& shared, const Pipes& pipes) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Client client(options, index, *new (&shared.results[index]) Results);
    client.ramp();
    char byte = 0;
    if (write(pipes.ready[1], &byte, 1) != 1 || read(pipes.go[0], &byte, 1) != 1) _exit(2);
    client.drive(shared.schedule);
    _exit(0);
}

void wait_ready(const Options& options, const Pipes& pipes) {
    for (uint32_t i = 0; i < options.processes; ++i) {
        char byte;
        if (read(pipes.ready[0], &byte, 1) != 1) break;
    }
}

void set_schedule(const Options& options, Schedule& schedule) {
    schedule.start = now_ns() + kLead;
    schedule.begin = schedule.start + static_cast<uint64_t>(options.warmup * 1e9);
    schedule.end = schedule.begin + static_cast<uint64_t>(options.duration * 1e9);
    // Others read the server's clocks after the window, while the load is still on.
    schedule.stop = schedule.end + static_cast<uint64_t>(options.cooldown * 1e9);
    schedule.last_send = schedule.stop + kGrace;
}

void announce(const Options& options, const char* line, uint64_t when) {
    if (options.events_fd < 0) return;
    const timespec instant{static_cast<time_t>(when / 1000000000u), static_cast<long>(when % 1000000000u)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &instant, nullptr);
    if (write(options.events_fd, line, strlen(line)) < 0) perror("loadgen: --events-fd");
}

std::vector<pid_t> start_children(const Options& options, Shared& shared, const Pipes& pipes) {
    std::vector<pid_t> children;
    for (uint32_t i = 0; i < options.processes; ++i) {
        const pid_t child = fork();
        if (child < 0) die("loadgen: fork");
        if (child == 0) run_child(options, i, shared, pipes);
        children.push_back(child);
    }
    close(pipes.ready[1]);
    return children;
}

uint64_t reap(const std::vector<pid_t>& children) {
    uint64_t died = 0;
    for (const pid_t child : children) {
        int status = 0;
        waitpid(child, &status, 0);
        died += status != 0;
    }
    return died;
}

int run(const Options& options) {
    Pipes pipes;
    if (pipe(pipes.ready) != 0 || pipe(pipes.go) != 0) die("loadgen: pipe");
    Shared& shared = *map_shared(options.processes);
    const uint64_t started = now_ns();
    const std::vector<pid_t> children = start_children(options, shared, pipes);
    wait_ready(options, pipes);
    const double ramp_seconds = static_cast<double>(now_ns() - started) / 1e9;
    set_schedule(options, shared.schedule);
    announce(options, "ready\n", 0);
    const std::vector<char> go(options.processes);
    if (write(pipes.go[1], go.data(), go.size()) < 0) die("loadgen: pipe");
    if (options.mode != Mode::kLines) {
        announce(options, "begin\n", shared.schedule.begin);
        announce(options, "end\n", shared.schedule.end);
    }
    const uint64_t died = reap(children);
    static Results total;
    for (uint32_t i = 0; i < options.processes; ++i) total.merge(shared.results[i]);
    total.process_died = died;
    puts(describe(options, total, ramp_seconds).c_str());
    return total.errors() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace loadgen

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    return loadgen::run(loadgen::parse_options(argc, argv));
}
