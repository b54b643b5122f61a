// SPDX-License-Identifier: Apache-2.0
//
// The runtime's start on systems that refuse something: it starts with less and says so, or does not start, says EAGAIN
// and has left nothing behind. Each case has a child process of its own.

#include "runtime/system/runtime.h"

#include <alloca.h>
#include <dirent.h>
#include <sys/resource.h>

#include "runtime/core/worker.h"
#include "system/faults.h"

namespace {

using rondo_test::Fault;
using rondo_test::passes_in_child;

constexpr Fault kNoGuardInstall{SYS_madvise, EINVAL, 2, 102};
constexpr Fault kNoProtection{SYS_mprotect, ENOMEM, 2, 0};

void* do_nothing(void*) { return nullptr; }

void* sleep_a_while(void*) { return reinterpret_cast<void*>(static_cast<intptr_t>(rondo_usleep(2000))); }

long open_descriptors() {
    DIR* directory = opendir("/proc/self/fd");
    CHILD_REQUIRE(directory != nullptr);
    long count = -1;  // the directory's own
    while (const dirent* entry = readdir(directory)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    closedir(directory);
    return count;
}

int create_one() {
    rondo_t thread{};
    int error = rondo_create(&thread, nullptr, do_nothing, nullptr);
    return error != 0 ? error : rondo_join(thread, nullptr);
}

// Threads, sleeping, waking by descriptors and by other threads: enough to say that all works.
void everything_works() {
    int ends[2];
    CHILD_REQUIRE(rondo_pipe(ends) == 0);
    char received[4] = {};
    {
        rondo_test::Thread reader([&] {
            for (char& byte : received) {
                CHILD_REQUIRE(rondo_read(ends[0], &byte, 1) == 1);
            }
        });
        rondo_test::Thread writer([&] {
            for (char byte : {'a', 'b', 'c', 'd'}) {
                CHILD_REQUIRE(rondo_usleep(1000) == 0);
                CHILD_REQUIRE(rondo_write(ends[1], &byte, 1) == 1);
            }
        });
        std::vector<rondo_t> threads(200);
        for (rondo_t& thread : threads) {
            CHILD_REQUIRE(rondo_create(&thread, nullptr, sleep_a_while, nullptr) == 0);
        }
        for (rondo_t thread : threads) {
            CHILD_REQUIRE(rondo_join(thread, nullptr) == 0);
        }
    }
    CHILD_REQUIRE(memcmp(received, "abcd", 4) == 0);
    rondo_stats stats{};
    rondo_get_stats(&stats);
    CHILD_REQUIRE(stats.live_threads == 1 && stats.armed_timers == 0 && stats.pending_io == 0);
    CHILD_REQUIRE(stats.live_stacks == 0);
}

void with_workers(const char* count) { CHILD_REQUIRE(setenv("RONDO_WORKERS", count, 1) == 0); }

}  // namespace

TEST_CASE("a system that refuses nothing") {
    CHECK(passes_in_child([] {
              with_workers("2");
              CHILD_REQUIRE(!rondo::runtime_started());
              everything_works();
              CHILD_REQUIRE(rondo::runtime_started());
          }) == "");
}

TEST_CASE("without epoll_pwait2 all works") {
    CHECK(passes_in_child([] {
              with_workers("2");
              rondo_test::fail_calls({{SYS_epoll_pwait2, ENOSYS}});
              everything_works();
          }) == "");
}

TEST_CASE("without MADV_GUARD_INSTALL all works, with the other guards") {
    CHECK(passes_in_child([] {
              with_workers("1");
              rondo_test::fail_calls({kNoGuardInstall});
              everything_works();
              rondo_stats stats{};
              rondo_get_stats(&stats);
              CHILD_REQUIRE(strcmp(stats.guard_kind, "mprotect") == 0);
          }) == "");
}

TEST_CASE("without any guards all works, and an overflow is found at the next switch") {
    std::string errors;
    int status = rondo_test::run_child(
        [] {
            with_workers("1");
            rondo_test::fail_calls({kNoGuardInstall, kNoProtection});
            everything_works();
            rondo_stats stats{};
            rondo_get_stats(&stats);
            CHILD_REQUIRE(strcmp(stats.guard_kind, "check") == 0);
            rondo_test::Thread deep([] {
                rondo_setname_np(rondo_self(), "deep");
                auto* beyond = static_cast<volatile char*>(alloca(rondo::kDefaultStack));
                beyond[0] = 1;
                rondo_usleep(1);
            });
        },
        &errors);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK_MESSAGE(rondo_test::occurrences(errors, "leaves no more stack guards") == 1, errors);
    CHECK_MESSAGE(errors.find("\"deep\": it used more than its 8192 KB") != std::string::npos, errors);
    CHECK_MESSAGE(errors.find("broken invariant") == std::string::npos, errors);
}

TEST_CASE("too few kernel threads: fewer workers, and one line") {
    std::string errors = passes_in_child([] {
        with_workers("3");
        rondo_test::fail_calls({{SYS_clone3, EAGAIN}, {SYS_clone, EAGAIN}});
        everything_works();
        rondo_stats stats{};
        rondo_get_stats(&stats);
        CHILD_REQUIRE(stats.workers == 1);
    });
    CHECK(errors == "rondo: too few descriptors, memory or kernel threads; running 1 of 3 workers\n");
}

TEST_CASE("no descriptors: EAGAIN, nothing is left behind, and it starts once there are some") {
    for (rlim_t free_numbers : {rlim_t{0}, rlim_t{1}}) {
        CAPTURE(free_numbers);
        passes_in_child([free_numbers] {
            with_workers("2");
            long before = open_descriptors();
            rlimit limit{};
            CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
            int lowest_free = dup(STDERR_FILENO);
            close(lowest_free);
            rlimit few{static_cast<rlim_t>(lowest_free) + free_numbers, limit.rlim_max};
            CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
            for (int i = 0; i < 3; ++i) {
                CHILD_REQUIRE(create_one() == EAGAIN);
                CHILD_REQUIRE(!rondo::runtime_started() && rondo::self_ == nullptr);
            }
            CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
            CHILD_REQUIRE(open_descriptors() == before);
            everything_works();
        });
    }
}

TEST_CASE("descriptors for one worker only: it starts with one") {
    passes_in_child([] {
        with_workers("4");
        rlimit limit{};
        CHILD_REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        int lowest_free = dup(STDERR_FILENO);
        close(lowest_free);
        rlimit few{static_cast<rlim_t>(lowest_free) + 3, limit.rlim_max};
        CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
        CHILD_REQUIRE(create_one() == 0);
        rondo_stats stats{};
        rondo_get_stats(&stats);
        CHILD_REQUIRE(stats.workers == 1);
        CHILD_REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        everything_works();
    });
}

TEST_CASE("no epoll at all: EAGAIN") {
    passes_in_child([] {
        rondo_test::fail_calls({{SYS_epoll_create1, EMFILE}});
        long before = open_descriptors();
        CHILD_REQUIRE(create_one() == EAGAIN);
        CHILD_REQUIRE(create_one() == EAGAIN);
        CHILD_REQUIRE(!rondo::runtime_started());
        CHILD_REQUIRE(open_descriptors() == before);
    });
}

TEST_CASE("a wrong setting ends the process with status 2 and one line") {
    std::string errors;
    int status = rondo_test::run_child(
        [] {
            with_workers("many");
            create_one();
        },
        &errors);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 2);
    CHECK(errors == "rondo: RONDO_WORKERS=many: expected a number from 1 to 256\n");
}
