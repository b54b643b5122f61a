// SPDX-License-Identifier: Apache-2.0
//
// The runner: explore [--only SCENARIO] [--jobs N] [--progress] FIRST[-LAST] | --list
// Plays the seeds FIRST to LAST over all scenarios, or over one, in N processes that share the seeds evenly. Ends with
// "N seeds, no failure" and 0; or tells the scenario, the seed and the command that repeats just that round, and ends
// with 1.
//
// The seeds are played by child processes, and this one only watches: a broken account, a panic, a fault at a page that
// has vanished, an exit and a standstill all end a child, and what it was playing stands in shared memory. A round that
// makes no progress for ten seconds gets SIGQUIT, on which it lists its threads.
#include "explore.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "player.h"

namespace rondo::explore {

namespace {

constexpr int kLookMs = 500;
constexpr int kStandstillLooks = 20;
constexpr int kMostJobs = 64;
constexpr size_t kLooksToTell = 60;

struct Options {
    uint64_t first = 0, last = 0;
    const Scenario* only = nullptr;
    int jobs = 1;
    bool progress = false;
};

struct Child {
    pid_t pid = -1;
    int handle = -1;
    Progress* progress = nullptr;
    uint64_t seen = 0;
    int looks = 0;  // without progress
    bool stands_still = false;
    bool gone = false;
    int status = 0;
};

[[noreturn]] void usage() {
    fprintf(stderr, "usage: explore [--only SCENARIO] [--jobs N] [--progress] FIRST[-LAST] | --list\n");
    exit(2);
}

const Scenario* find(const char* name) {
    for (auto group : {scenarios(), broken_scenarios()}) {
        for (const Scenario& each : group) {
            if (strcmp(each.name, name) == 0) return &each;
        }
    }
    fprintf(stderr, "explore: no scenario %s\n", name);
    exit(2);
}

void parse_seeds(const char* text, Options& options) {
    char* end = nullptr;
    options.first = options.last = strtoull(text, &end, 10);
    if (end == text) usage();
    if (*end == '-') options.last = strtoull(end + 1, &end, 10);
    if (*end != '\0' || options.last < options.first) usage();
}

Options parse(int argc, char** argv) {
    Options options;
    bool seeds = false;
    for (int i = 1; i < argc; ++i) {
        std::string name = argv[i];
        bool valued = i + 1 < argc;
        if (name == "--list") {
            for (const Scenario& each : scenarios()) puts(each.name);
            exit(0);
        } else if (name == "--progress") {
            options.progress = true;
        } else if (name == "--only" && valued) {
            options.only = find(argv[++i]);
        } else if (name == "--jobs" && valued) {
            options.jobs = atoi(argv[++i]);
        } else {
            parse_seeds(argv[i], options);
            seeds = true;
        }
    }
    if (!seeds || options.jobs < 1 || options.jobs > kMostJobs) usage();
    if (options.last - options.first < static_cast<uint64_t>(options.jobs)) options.jobs = 1;
    return options;
}

// The seeds of job `number`: a stretch of its own.
Part part_of(const Options& options, int number) {
    uint64_t count = options.last - options.first + 1, jobs = static_cast<uint64_t>(options.jobs);
    auto begin = [&](int job) { return options.first + count * static_cast<uint64_t>(job) / jobs; };
    return {begin(number), begin(number + 1) - 1, options.only};
}

Child start_child(const Part& part) {
    Child child;
    void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) stress::fail("no shared memory");
    child.progress = new (shared) Progress{};
    fflush(nullptr);
    child.pid = fork();
    if (child.pid == 0) {
        play(part, *child.progress);
        _exit(0);
    }
    child.handle = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
    return child;
}

// Waits for its end, or for kLookMs; a child that stands still is told to say where, and ended.
void look_at(Child& child) {
    pollfd ended{child.handle, POLLIN, 0};
    if (poll(&ended, 1, kLookMs) == 0) {
        uint64_t rounds = child.progress->rounds.load();
        child.looks = rounds == child.seen ? child.looks + 1 : 0;
        child.seen = rounds;
        if (child.looks < kStandstillLooks) return;
        child.stands_still = true;
        kill(child.pid, SIGQUIT);
        if (poll(&ended, 1, 2'000) == 0) kill(child.pid, SIGKILL);
    }
    waitpid(child.pid, &child.status, 0);
    child.gone = true;
}

std::string ending(const Child& child) {
    if (child.stands_still) return "no end: nothing for " + std::to_string(kLookMs * kStandstillLooks / 1000) + " s";
    if (WIFSIGNALED(child.status)) return std::string("ended by ") + strsignal(WTERMSIG(child.status));
    return "exit status " + std::to_string(WEXITSTATUS(child.status));
}

void tell(const Child& child, const char* program) {
    const Scenario* scenario = child.progress->scenario.load();
    auto seed = static_cast<unsigned long>(child.progress->seed.load());
    const char* name = scenario != nullptr ? scenario->name : "(start)";
    fprintf(stderr, "explore: %s, seed %lu: %s\n", name, seed, ending(child).c_str());
    if (scenario != nullptr) fprintf(stderr, "explore: repeat: %s --only %s %lu\n", program, name, seed);
}

void end_others(const std::vector<Child>& children) {
    for (const Child& each : children) {
        if (!each.gone) kill(each.pid, SIGKILL);
    }
}

int run(const Options& options, const char* program) {
    std::vector<Child> children;
    for (int job = 0; job < options.jobs; ++job) children.push_back(start_child(part_of(options, job)));
    size_t running = children.size();
    for (size_t turn = 0; running > 0; ++turn) {
        Child& child = children[turn % children.size()];
        if (child.gone) continue;
        look_at(child);
        if (options.progress && turn % kLooksToTell == 0) {
            fprintf(stderr, "explore: seed %lu\n", static_cast<unsigned long>(child.progress->seed.load()));
        }
        running -= child.gone ? 1 : 0;
        if (!child.gone || child.status == 0) continue;
        end_others(children);
        tell(child, program);
        return 1;
    }
    printf("%lu seeds, no failure\n", static_cast<unsigned long>(options.last - options.first + 1));
    return 0;
}

}  // namespace

}  // namespace rondo::explore

int main(int argc, char** argv) { return rondo::explore::run(rondo::explore::parse(argc, argv), argv[0]); }
