// SPDX-License-Identifier: Apache-2.0
//
// The stress program: stress [--seconds S] [--seed N] [--workers W] [--drivers D] [--only NAME]
// Prints the seed, then the rounds played of each kind. Exit 0: nothing lost. A failed account, a stall of ten seconds
// or a fault aborts, after a dump of all threads.
//
// First each scenario is played alone for a moment: workers fall asleep between its steps, so a wake-up of a sleeping
// worker that gets lost is not made good by the others' timers. Then each scenario has D drivers, threads that play its
// rounds side by side until the time is up. The monitor is a kernel thread of its own that looks at the drivers'
// counters; its sleeping between looks is the measure of a stall. At the end no thread, timer, operation or descriptor
// may be left.
#include "stress.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

namespace rondo::stress {

namespace {

constexpr int64_t kStallNs = 10'000'000'000;
constexpr int64_t kAloneNs = 100'000'000;

struct Options {
    int seconds = 60;
    uint64_t seed = 0;
    int workers = 4;
    int drivers = 2;
    std::string only;
};

struct Driver {
    const Scenario* scenario;
    Random random;
    rondo_t thread{};
    std::atomic<uint64_t> rounds{0};
    std::atomic<bool> playing{false};

    void play_until(const std::function<bool()>& over) {
        playing.store(true);
        while (!over()) {
            scenario->round(random);
            rounds.fetch_add(1, std::memory_order_relaxed);
        }
        playing.store(false);
    }
};

std::atomic<bool> stopping{false};

void* drive(void* arg) {
    static_cast<Driver*>(arg)->play_until([] { return stopping.load(std::memory_order_relaxed); });
    return nullptr;
}

void watch(const std::vector<std::unique_ptr<Driver>>& drivers) {
    std::vector<uint64_t> seen(drivers.size(), UINT64_MAX);
    std::vector<int64_t> since(drivers.size(), now_ns());
    while (true) {
        timespec pause{0, 200'000'000};
        nanosleep(&pause, nullptr);
        for (size_t i = 0; i < drivers.size(); ++i) {
            uint64_t rounds = drivers[i]->rounds.load();
            if (rounds != seen[i] || !drivers[i]->playing.load()) {
                seen[i] = rounds;
                since[i] = now_ns();
            } else if (now_ns() - since[i] > kStallNs) {
                fprintf(stderr, "stress: %s stalled in round %lu\n", drivers[i]->scenario->name,
                        static_cast<unsigned long>(rounds));
                fail("no progress for 10 s");
            }
        }
    }
}

Options parse(int argc, char** argv) {
    Options options;
    options.seed = static_cast<uint64_t>(now_ns(CLOCK_REALTIME));
    for (int i = 1; i + 1 < argc; i += 2) {
        std::string name = argv[i], value = argv[i + 1];
        if (name == "--seconds") options.seconds = atoi(value.c_str());
        if (name == "--seed") options.seed = strtoull(value.c_str(), nullptr, 10);
        if (name == "--workers") options.workers = atoi(value.c_str());
        if (name == "--drivers") options.drivers = atoi(value.c_str());
        if (name == "--only") options.only = value;
    }
    if (argc % 2 == 1 && options.seconds > 0 && options.workers > 0 && options.drivers > 0) return options;
    fprintf(stderr, "usage: stress [--seconds S] [--seed N] [--workers W] [--drivers D] [--only NAME]\n");
    exit(2);
}

std::vector<std::unique_ptr<Driver>> make_drivers(const Options& options) {
    std::vector<std::unique_ptr<Driver>> drivers;
    Random random(options.seed);
    for (auto group : {lock_scenarios(), signal_scenarios(), thread_scenarios(), io_scenarios()}) {
        for (const Scenario& scenario : group) {
            if (!options.only.empty() && options.only != scenario.name) continue;
            for (int i = 0; i < options.drivers; ++i) {
                drivers.push_back(std::unique_ptr<Driver>(new Driver{&scenario, random.split()}));
            }
        }
    }
    return drivers;
}

void print_rounds(const std::vector<std::unique_ptr<Driver>>& drivers) {
    const Scenario* current = nullptr;
    uint64_t sum = 0;
    auto print = [&] {
        if (current != nullptr) printf("%-24s %8lu rounds\n", current->name, static_cast<unsigned long>(sum));
    };
    for (const auto& driver : drivers) {
        if (driver->scenario != current) {
            print();
            current = driver->scenario;
            sum = 0;
        }
        sum += driver->rounds.load();
    }
    print();
}

int run(const Options& options) {
    printf("stress: seed %lu, %d s, %d workers\n", static_cast<unsigned long>(options.seed), options.seconds,
           options.workers);
    fflush(stdout);
    static auto* drivers = new std::vector<std::unique_ptr<Driver>>(make_drivers(options));
    if (drivers->empty()) fail("no scenario of that name");
    const int descriptors_before_start = open_descriptors();
    std::thread([] { watch(*drivers); }).detach();
    for (auto& driver : *drivers) {
        const int64_t end = now_ns() + kAloneNs / options.drivers;
        driver->play_until([end] { return now_ns() > end; });
    }
    const int descriptors = open_descriptors();
    expect(descriptors < descriptors_before_start + 100, "the runtime takes few descriptors");
    for (auto& driver : *drivers) {
        expect_equal(rondo_create(&driver->thread, nullptr, drive, driver.get()), 0, "rondo_create");
    }
    timespec span{options.seconds, 0};
    rondo_nanosleep(&span, nullptr);
    stopping.store(true);
    for (auto& driver : *drivers) expect_equal(rondo_join(driver->thread, nullptr), 0, "rondo_join");
    print_rounds(*drivers);
    expect_nothing_left();
    expect_equal(open_descriptors(), descriptors, "open descriptors at the end");
    printf("nothing lost\n");
    return 0;
}

}  // namespace

}  // namespace rondo::stress

int main(int argc, char** argv) {
    auto options = rondo::stress::parse(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    setenv("RONDO_WORKERS", std::to_string(options.workers).c_str(), 1);
    int status = rondo::stress::run(options);
    fflush(nullptr);
    _exit(status);
}
