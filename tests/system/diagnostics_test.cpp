// SPDX-License-Identifier: Apache-2.0
//
// The dump's lines for threads in each state, and the counts of the statistics.

#include "runtime/system/diagnostics.h"

#include <string>

#include "system/faults.h"
#include "system/single_worker.h"

namespace {

using rondo_test::Thread;

std::string dumped() {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    rondo::dump_threads(ends[1]);
    close(ends[1]);
    std::string text(65536, '\0');
    ssize_t length = 0;
    for (ssize_t got; (got = read(ends[0], text.data() + length, 4096)) > 0; length += got) {
    }
    close(ends[0]);
    text.resize(static_cast<size_t>(length));
    return text;
}

// The line of the thread with this name; must be the only one.
std::string line_of(const std::string& dump, const std::string& name) {
    size_t at = dump.find(" " + name + " ");
    REQUIRE_MESSAGE(at != std::string::npos, dump);
    CHECK(rondo_test::occurrences(dump, " " + name + " ") == 1);
    size_t begin = dump.rfind('\n', at) + 1;
    std::string before = dump.substr(begin, at - begin);
    CHECK_MESSAGE(before.find_first_not_of(" 0123456789") == std::string::npos, before);
    return dump.substr(begin, dump.find('\n', at) - begin);
}

void named(const Thread& thread, const char* name) { REQUIRE(rondo_setname_np(thread.id(), name) == 0); }

std::string hex(const void* pointer) {
    char text[32];
    snprintf(text, sizeof text, "%p", pointer);
    return text;
}

}  // namespace

TEST_CASE("before the start there is nothing to count") {
    rondo_test::passes_in_child([] {
        rondo_stats stats;
        memset(&stats, 0xA5, sizeof stats);
        rondo::fill_stats(stats);
        rondo_stats zero{};
        CHILD_REQUIRE(memcmp(&stats, &zero, sizeof stats) == 0);
        rondo::dump_threads(STDERR_FILENO);
    });
}

TEST_CASE("a line for each thread: id, name, worker, state, what it waits for") {
    rondo::Worker& worker = rondo_test::single_worker();
    rondo_test::Connection pair = rondo_test::connect_unix();
    rondo_sem_t sem{};
    Thread on_sem([&] { rondo_sem_wait(&sem); });
    named(on_sem, "on_sem");
    Thread on_fd([&] {
        char byte = 0;
        rondo_recv(pair.server.get(), &byte, 1, 0);
    });
    named(on_fd, "a fifteen bytes");
    Thread ended([] {});
    named(ended, "ended");
    Thread on_join([&] { rondo_join(on_sem.id(), nullptr); });
    rondo_test::let_others_park(worker);
    Thread fresh([] {});
    named(fresh, "fresh");

    std::string dump = dumped();
    CHECK(dump.rfind("rondo: 5 threads on 1 workers\n", 0) == 0);
    CHECK(line_of(dump, "main").find("  1       main              worker 0    running") == 0);
    CHECK(line_of(dump, "on_sem").find("worker 0    parked on semaphore " + hex(&sem)) == 28);
    std::string descriptor = "parked on read, descriptor " + std::to_string(pair.server.get());
    CHECK(line_of(dump, "a fifteen bytes").find("worker 0    " + descriptor) == 28);
    CHECK(line_of(dump, "ended").find("worker 0    ended, not joined") == 28);
    CHECK(line_of(dump, "fresh").find("worker 0    ready") == 28);
    CHECK(line_of(dump, "-").find("worker 0    parked on join 0x") == 28);
    CHECK(rondo_test::occurrences(dump, "\n") == 7);

    rondo_sem_post(&sem);
    REQUIRE(write(pair.client.get(), "x", 1) == 1);
    for (Thread* thread : {&on_fd, &ended, &fresh, &on_join}) {
        thread->join();
    }
}
