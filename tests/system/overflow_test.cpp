// SPDX-License-Identifier: Apache-2.0
//
// A thread that runs into the guard below its stack is named before the process ends by the same signal as ever; any
// other fault ends it without a word of ours. Each case has a child process of its own.

#include <sys/mman.h>

#include "runtime/core/worker.h"
#include "system/faults.h"

namespace {

using rondo_test::occurrences;

constexpr bool kSanitized = rondo_test::kAddressSanitizer || rondo_test::kThreadSanitizer;
constexpr size_t kStack = 256 * 1024;

__attribute__((noinline)) int recurse(volatile char* outer, int depth) {
    volatile char page[2048];
    page[0] = outer[0];
    return depth == 0 ? page[0] : recurse(page, depth - 1) + page[0];
}

void* overflow(void*) {
    rondo_setname_np(rondo_self(), "deep");
    volatile char outermost[1] = {0};
    return reinterpret_cast<void*>(static_cast<intptr_t>(recurse(outermost, 1'000'000)));
}

void* touch_nothing(void*) {
    *static_cast<volatile char*>(nullptr) = 1;
    return nullptr;
}

void* touch_unmapped(void*) {
    void* page = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile char*>(page) = 1;
    return nullptr;
}

// The child's wait status and what it wrote when a thread runs the function.
int ends(void* (*start)(void*), std::string& errors) {
    return rondo_test::run_child(
        [start] {
            rondo_attr_t attr;
            rondo_attr_init(&attr);
            rondo_attr_setstacksize(&attr, kStack);
            rondo_t thread{};
            CHILD_REQUIRE(rondo_create(&thread, &attr, start, nullptr) == 0);
            rondo_join(thread, nullptr);
        },
        &errors);
}

bool by_segmentation_fault(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV; }

siginfo_t seen;

void look(int, siginfo_t* info, void*) {
    seen = *info;
    _exit(seen.si_code == SEGV_MAPERR || seen.si_code == SEGV_ACCERR ? 7 : 8);
}

}  // namespace

TEST_CASE("an overflow names the thread, its size and the remedy") {
    RONDO_SKIP_IF(kSanitized, "the sanitizer handles SIGSEGV itself");
    std::string errors;
    CHECK(by_segmentation_fault(ends(overflow, errors)));
    CHECK_MESSAGE(occurrences(errors, "stack overflow in thread") == 1, errors);
    CHECK_MESSAGE(occurrences(errors, "\"deep\": it used more than its 256 KB; RONDO_STACK or") == 1, errors);
}

TEST_CASE("other faults end the process in silence") {
    RONDO_SKIP_IF(kSanitized, "the sanitizer handles SIGSEGV itself");
    for (auto* start : {touch_nothing, touch_unmapped}) {
        std::string errors;
        CHECK(by_segmentation_fault(ends(start, errors)));
        CHECK(errors == "");
    }
}

TEST_CASE("SIGSEGV that is sent ends the process, too") {
    RONDO_SKIP_IF(kSanitized, "the sanitizer handles SIGSEGV itself");
    std::string errors;
    CHECK(by_segmentation_fault(ends(
        [](void*) -> void* {
            kill(getpid(), SIGSEGV);
            return reinterpret_cast<void*>(static_cast<intptr_t>(rondo_usleep(5'000'000)));
        },
        errors)));
}

TEST_CASE("the program sees its default action, and its own handler gets the overflow") {
    RONDO_SKIP_IF(kSanitized, "the sanitizer handles SIGSEGV itself");
    std::string errors;
    int status = ends(
        [](void*) -> void* {
            struct sigaction action {};
            CHILD_REQUIRE(rondo_sigaction(SIGSEGV, nullptr, &action) == 0);
            CHILD_REQUIRE(action.sa_handler == SIG_DFL);
            static char alternate[64 * 1024];
            stack_t stack{};
            stack.ss_sp = alternate;
            stack.ss_size = sizeof alternate;
            CHILD_REQUIRE(rondo_sigaltstack(&stack, nullptr) == 0);
            action.sa_sigaction = look;
            action.sa_flags = SA_SIGINFO | SA_ONSTACK;
            CHILD_REQUIRE(rondo_sigaction(SIGSEGV, &action, nullptr) == 0);
            return overflow(nullptr);
        },
        errors);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
    CHECK(occurrences(errors, "rondo:") == 0);
}
