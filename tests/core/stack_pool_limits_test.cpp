// SPDX-License-Identifier: Apache-2.0
//
// The stack pool's guards of each kind, and a system that refuses guards or address space. Each case that needs another
// system has a child process of its own.

#include <sys/mman.h>
#include <sys/resource.h>

#include "runtime/core/stack_pool.h"
#include "system/faults.h"

namespace {

using rondo::GuardKind;
using rondo::kGuardBytes;
using rondo::Stack;
using rondo::StackPool;
using rondo_test::Fault;
using rondo_test::occurrences;
using rondo_test::passes_in_child;
using rondo_test::writable;

constexpr Fault kNoGuardInstall{SYS_madvise, EINVAL, 2, 102};
constexpr Fault kNoProtection{SYS_mprotect, ENOMEM, 2, 0};
constexpr size_t kMegabyte = 1 << 20;

bool guarded(const Stack& stack) {
    bool open = false;
    for (size_t page = 0; page < kGuardBytes; page += 4096) {
        open = open || writable(stack.low() - kGuardBytes + page);
    }
    return !open && !writable(stack.low() - 1) && writable(stack.low()) && writable(stack.top() - 1);
}

// Allows this much address space beyond what is in use.
void limit_address_space(size_t bytes) {
    auto used = static_cast<size_t>(rondo_test::status_of_process("VmSize")) * 1024;
    rlimit limit{used + bytes, used + bytes};
    CHILD_REQUIRE(setrlimit(RLIMIT_AS, &limit) == 0);
}

}  // namespace

TEST_CASE("every stack has its guard, also when it is reused") {
    static constinit StackPool pool;
    pool.init(0);
    std::vector<Stack> stacks;
    for (size_t bytes : {64UL << 10, 64UL << 10, 8UL << 20, 8UL << 20, 1UL << 30}) {
        stacks.push_back(pool.take(bytes, nullptr));
        REQUIRE(stacks.back());
        CHECK(guarded(stacks.back()));
    }
    CHECK_FALSE(pool.has_unguarded());
    pool.give_back(stacks[0], nullptr);
    Stack again = pool.take(1, nullptr);
    CHECK(again.low() == stacks[0].low());
    CHECK(guarded(again));
}

TEST_CASE("a write below the low end kills, one at the low end does not") {
    for (ptrdiff_t offset : {ptrdiff_t{-1}, -static_cast<ptrdiff_t>(kGuardBytes), ptrdiff_t{0}}) {
        CAPTURE(offset);
        std::string errors;
        int status = rondo_test::run_child(
            [offset] {
                static constinit StackPool pool;
                pool.init(0);
                pool.take(1, nullptr);
                Stack stack = pool.take(1, nullptr);
                CHILD_REQUIRE(stack);
                *const_cast<volatile char*>(stack.low() + offset) = 1;
            },
            &errors);
        CAPTURE(errors);
        bool killed = WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGABRT);
        CHECK(killed == (offset < 0));
        CHECK((status == 0) == (offset == 0));
    }
}

TEST_CASE("without MADV_GUARD_INSTALL the guards are PROT_NONE") {
    std::string errors = passes_in_child([] {
        rondo_test::fail_calls({kNoGuardInstall});
        static constinit StackPool pool;
        pool.init(0);
        CHILD_REQUIRE(pool.guard_kind() == GuardKind::mprotect);
        for (int i = 0; i < 20; ++i) {
            Stack stack = pool.take(1, nullptr);
            CHILD_REQUIRE(stack && guarded(stack));
        }
        CHILD_REQUIRE(!pool.has_unguarded());
    });
    CHECK(errors == "");
}

TEST_CASE("without any guard the stacks are used all the same, and that is said once") {
    std::string errors = passes_in_child([] {
        rondo_test::fail_calls({kNoGuardInstall, kNoProtection});
        static constinit StackPool pool;
        pool.init(0);
        for (int i = 0; i < 20; ++i) {
            Stack stack = pool.take(1, nullptr);
            CHILD_REQUIRE(stack && writable(stack.low()) && writable(stack.top() - 1));
            CHILD_REQUIRE(pool.has_unguarded());
        }
        CHILD_REQUIRE(pool.in_use() == 20);
    });
    CHECK(errors == "rondo: vm.max_map_count leaves no more stack guards; further stacks are checked at each switch\n");
}

TEST_CASE("no memory for a guard is no stack, not a stack without one") {
    passes_in_child([] {
        static constinit StackPool pool;
        pool.init(0);
        Stack first = pool.take(1, nullptr);
        CHILD_REQUIRE(first && pool.guard_kind() == GuardKind::madvise);
        rondo_test::fail_calls({{SYS_madvise, ENOMEM, 2, 102}});
        for (int i = 0; i < 5; ++i) {
            CHILD_REQUIRE(!pool.take(1, nullptr));
        }
        CHILD_REQUIRE(pool.in_use() == 1 && !pool.has_unguarded());
        CHILD_REQUIRE(pool.slab(2) == nullptr);
        pool.give_back(first, nullptr);
        CHILD_REQUIRE(pool.take(1, nullptr).low() == first.low());
    });
}

TEST_CASE("refused address space halves the default, with one line") {
    std::string errors = passes_in_child([] {
        static constinit StackPool pool;
        pool.init(0);
        limit_address_space(200 * kMegabyte);
        for (int i = 0; i < 3; ++i) {
            Stack stack = pool.take(0, nullptr);
            CHILD_REQUIRE(stack && stack.bytes() == 4 * kMegabyte);
        }
        CHILD_REQUIRE(pool.default_bytes() == 4 * kMegabyte);
    });
    CHECK(errors == "rondo: the system refuses address space for stacks of 8192 KB; the default is now 4096 KB\n");
}

TEST_CASE("a size that was asked for is refused, never reduced") {
    std::string errors = passes_in_child([] {
        static constinit StackPool pool;
        pool.init(0);
        limit_address_space(200 * kMegabyte);
        CHILD_REQUIRE(!pool.take(8 * kMegabyte, nullptr));
        CHILD_REQUIRE(pool.default_bytes() == rondo::kDefaultStack);
        CHILD_REQUIRE(pool.take(kMegabyte, nullptr));
        CHILD_REQUIRE(pool.in_use() == 1);
    });
    CHECK(errors == "");
}

TEST_CASE("no address space at all is no stack, and the halving ends") {
    std::string errors = passes_in_child([] {
        static constinit StackPool pool;
        pool.init(0);
        limit_address_space(kMegabyte);
        CHILD_REQUIRE(!pool.take(0, nullptr));
        CHILD_REQUIRE(!pool.take(0, nullptr));
        CHILD_REQUIRE(pool.in_use() == 0);
    });
    CHECK(occurrences(errors, "the default is now") == 7);
    CHECK(occurrences(errors, "the default is now 64 KB\n") == 1);
}
