// SPDX-License-Identifier: Apache-2.0
//
// The RONDO_* parser: every name, the edges of every range, and the exact line a user gets for what is wrong.

#include "runtime/base/settings.h"

#include <sched.h>

#include <cstring>
#include <string>
#include <vector>

#include "support/test.h"

namespace {

using rondo::Settings;

struct Parsed {
    bool good;
    Settings settings;  // points into the entries
    std::string error;
    std::vector<std::string> entries;
};

Parsed parse(std::vector<std::string> entries) {
    Parsed parsed{};
    parsed.entries = std::move(entries);
    std::vector<char*> environment;
    for (std::string& entry : parsed.entries) {
        environment.push_back(entry.data());
    }
    environment.push_back(nullptr);
    char error[256];
    parsed.good = rondo::parse_settings(environment.data(), parsed.settings, error, sizeof error);
    parsed.error = error;
    return parsed;
}

void refuses(const std::string& entry, const std::string& error) {
    CAPTURE(entry);
    Parsed parsed = parse({entry});
    CHECK_FALSE(parsed.good);
    CHECK(parsed.error == error);
}

}  // namespace

TEST_CASE("defaults") {
    Parsed parsed = parse({"PATH=/bin", "RONDO", "XRONDO_WORKERS=9", "RONDO_TEST_REPORT=x"});
    CHECK(parsed.good);
    CHECK(parsed.error.empty());
    CHECK(parsed.settings.workers == 0);
    CHECK(parsed.settings.stack_bytes == 0);
    CHECK(parsed.settings.io == rondo::IoChoice::automatic);
    CHECK(parsed.settings.stall_ms == 0);
}

TEST_CASE("every setting") {
    Parsed parsed =
        parse({"RONDO_WORKERS=7", "RONDO_IO=epoll", "RONDO_TLS=worker", "RONDO_STACK=256K", "RONDO_SCHED=fifo"});
    CHECK(parsed.good);
    CHECK(parsed.settings.workers == 7);
    CHECK(parsed.settings.io == rondo::IoChoice::epoll);
    CHECK(parsed.settings.stack_bytes == 256 * 1024);
}

TEST_CASE("edges of the ranges") {
    CHECK(parse({"RONDO_WORKERS=1"}).settings.workers == 1);
    CHECK(parse({"RONDO_WORKERS=256"}).settings.workers == 256);
    CHECK(parse({"RONDO_STALL_MS=0"}).settings.stall_ms == 0);
    CHECK(parse({"RONDO_STALL_MS=3600000"}).settings.stall_ms == 3600000);
    CHECK(parse({}).settings.inspection == rondo::Inspection::off);
    CHECK(parse({"RONDO_INSPECT=0"}).settings.inspection == rondo::Inspection::off);
    CHECK(parse({"RONDO_INSPECT=1"}).settings.inspection == rondo::Inspection::on);
    CHECK(parse({"RONDO_INSPECT=auto"}).settings.inspection == rondo::Inspection::automatic);
    CHECK(parse({"RONDO_DEADLOCK=abort"}).settings.on_deadlock == rondo::OnDeadlock::abort);
    CHECK(parse({"RONDO_DEADLOCK=report"}).settings.on_deadlock == rondo::OnDeadlock::report);
    CHECK(parse({"RONDO_DEADLOCK=off"}).settings.on_deadlock == rondo::OnDeadlock::off);
    CHECK(parse({"RONDO_STACK=16384"}).settings.stack_bytes == 16384);
    CHECK(parse({"RONDO_STACK=16k"}).settings.stack_bytes == 16384);
    CHECK(parse({"RONDO_STACK=8M"}).settings.stack_bytes == 8 << 20);
    CHECK(parse({"RONDO_STACK=1G"}).settings.stack_bytes == 1 << 30);
    for (const char* bad : {"RONDO_STACK=16383",
                            "RONDO_STACK=15K",
                            "RONDO_STACK=2G",
                            "RONDO_STACK=1025M",
                            "RONDO_STACK=K",
                            "RONDO_STACK=",
                            "RONDO_STACK=8MB",
                            "RONDO_STACK=-1",
                            "RONDO_STACK=99999999999999999999999",
                            "RONDO_WORKERS=0",
                            "RONDO_WORKERS=257",
                            "RONDO_WORKERS= 1",
                            "RONDO_WORKERS=+1",
                            "RONDO_WORKERS=18446744073709551617",
                            "RONDO_IO=EPOLL",
                            "RONDO_TLS=",
                            "RONDO_SCHED=lifo",
                            "RONDO_SCHED=seed",
                            "RONDO_SCHED=seed:",
                            "RONDO_SCHED=seed:-1",
                            "RONDO_SCHED=seed:18446744073709551616",
                            "RONDO_SCHED=seed:1,",
                            "RONDO_SCHED=seed:1,fault",
                            "RONDO_SCHED=seed:1,faults,",
                            "RONDO_SCHED=replay:",
                            "RONDO_TRACE=",
                            "RONDO_STALL_MS=",
                            "RONDO_STALL_MS=-1",
                            "RONDO_STALL_MS=100ms",
                            "RONDO_STALL_MS=3600001",
                            "RONDO_INSPECT=",
                            "RONDO_INSPECT=yes",
                            "RONDO_INSPECT=2",
                            "RONDO_CHOICES=",
                            "RONDO_CHOICES=1000000000000001",
                            "RONDO_DEADLOCK=",
                            "RONDO_DEADLOCK=on"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse({bad}).good);
    }
}

TEST_CASE("a seeded or replayed schedule means one worker") {
    Parsed seeded = parse({"RONDO_SCHED=seed:18446744073709551615", "RONDO_TRACE=a b"});
    CHECK(seeded.good);
    CHECK(seeded.settings.sched == rondo::SchedKind::seed);
    CHECK(seeded.settings.seed == UINT64_MAX);
    CHECK_FALSE(seeded.settings.faults);
    CHECK(seeded.settings.workers == 1);
    CHECK(std::string(seeded.settings.trace) == "a b");
    CHECK(parse({"RONDO_SCHED=seed:7,faults"}).settings.faults);
    Parsed replayed = parse({"RONDO_SCHED=replay:/tmp/x", "RONDO_WORKERS=1"});
    CHECK(replayed.good);
    CHECK(replayed.settings.sched == rondo::SchedKind::replay);
    CHECK(std::string(replayed.settings.replay) == "/tmp/x");
    Parsed many = parse({"RONDO_WORKERS=2", "RONDO_SCHED=seed:1"});
    CHECK_FALSE(many.good);
    CHECK(many.error == "rondo: RONDO_WORKERS=2: RONDO_SCHED=seed:N and replay:FILE need one worker");
    Parsed no_schedule = parse({"RONDO_TRACE=x"});
    CHECK_FALSE(no_schedule.good);
    CHECK(no_schedule.error == "rondo: RONDO_TRACE needs RONDO_SCHED=seed:N or replay:FILE");
    refuses("RONDO_CHOICES=1", "rondo: RONDO_CHOICES needs RONDO_SCHED=seed:N or replay:FILE");
    CHECK(parse({"RONDO_SCHED=seed:1", "RONDO_CHOICES=1000"}).settings.choices == 1000);
}

TEST_CASE("what is wrong is said in one line") {
    refuses("RONDO_WORKERS=abc", "rondo: RONDO_WORKERS=abc: expected a number from 1 to 256");
    refuses("RONDO_IO=select", "rondo: RONDO_IO=select: expected auto or epoll");
    refuses("RONDO_IO=io_uring", "rondo: RONDO_IO=io_uring: not available in this version; expected auto or epoll");
    refuses("RONDO_TLS=fiber", "rondo: RONDO_TLS=fiber: not available in this version; expected worker");
    refuses("RONDO_STACK=4K", "rondo: RONDO_STACK=4K: expected a size from 16K to 1G, with K, M or G");
    refuses("RONDO_SCHED=graph",
            "rondo: RONDO_SCHED=graph: not available in this version; expected fifo, seed:N or replay:FILE");
    refuses("RONDO_SCHED=\n\x1b[1m", "rondo: RONDO_SCHED=??[1m: expected fifo, seed:N or replay:FILE");
    refuses("RONDO_WORKER=2", "rondo: RONDO_WORKER: no such setting; did you mean RONDO_WORKERS?");
    refuses("RONDO_STAKC=2M", "rondo: RONDO_STAKC: no such setting; did you mean RONDO_STACK?");
    refuses("RONDO_COLOUR=red",
            "rondo: RONDO_COLOUR: no such setting; there are RONDO_WORKERS RONDO_IO RONDO_TLS RONDO_STACK "
            "RONDO_SCHED RONDO_TRACE RONDO_CHOICES RONDO_RACE RONDO_STALL_MS RONDO_INSPECT RONDO_DEADLOCK");
}

TEST_CASE("a long value neither overflows the buffer nor hides what was expected") {
    Parsed parsed = parse({"RONDO_WORKERS=" + std::string(100000, '9')});
    CHECK_FALSE(parsed.good);
    CHECK(parsed.error.size() < 200);
    CHECK(parsed.error.find("expected a number") != std::string::npos);
    CHECK_FALSE(parse({"RONDO_" + std::string(100000, 'W') + "=1"}).good);

    char tiny[8];
    std::string entry = "RONDO_WORKERS=x";
    char* environment[] = {entry.data(), nullptr};
    Settings settings;
    CHECK_FALSE(rondo::parse_settings(environment, settings, tiny, sizeof tiny));
    CHECK(std::string(tiny) == "rondo: ");
}

TEST_CASE("default workers follow the affinity mask") {
    cpu_set_t before;
    REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
    unsigned allowed = static_cast<unsigned>(CPU_COUNT(&before));
    CHECK(rondo::default_workers() >= 1);
    CHECK(rondo::default_workers() <= allowed);
    int first = 0;
    while (!CPU_ISSET(first, &before)) {
        ++first;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(rondo::default_workers() == 1);
    CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
}
