// SPDX-License-Identifier: Apache-2.0
//
// Guards of each kind in memory of the test's own: which bytes they cover, and what a system without them answers.

#include "runtime/core/guard.h"

#include "runtime/base/reserve.h"
#include "system/faults.h"

namespace {

using rondo::GuardKind;
using rondo::kGuardBytes;
using rondo_test::writable;

constexpr unsigned kGuardInstall = 102;

char* room() {
    auto* memory = static_cast<char*>(rondo::reserve_bytes(3 * kGuardBytes));
    REQUIRE(memory != nullptr);
    return memory + kGuardBytes;
}

void covers_itself_alone(GuardKind kind) {
    char* guard = room();
    REQUIRE(writable(guard));
    REQUIRE(rondo::install_guard(kind, guard) == 0);
    CHECK(writable(guard - 1));
    CHECK(writable(guard + kGuardBytes));
    for (size_t page = 0; page < kGuardBytes; page += 4096) {
        CHECK_FALSE(writable(guard + page));
    }
    CHECK_FALSE(writable(guard + kGuardBytes - 1));
}

long max_map_count() {
    FILE* file = fopen("/proc/sys/vm/max_map_count", "re");
    long value = 0;
    REQUIRE(file != nullptr);
    REQUIRE(fscanf(file, "%ld", &value) == 1);
    fclose(file);
    return value;
}

}  // namespace

TEST_CASE("mprotect covers 64 KB and nothing else") { covers_itself_alone(GuardKind::mprotect); }

TEST_CASE("madvise covers 64 KB and nothing else") {
    RONDO_SKIP_IF(rondo::probe_guard_kind() != GuardKind::madvise, "this kernel has no MADV_GUARD_INSTALL");
    covers_itself_alone(GuardKind::madvise);
}

TEST_CASE("names") {
    CHECK(std::string(rondo::guard_kind_name(GuardKind::madvise)) == "madvise");
    CHECK(std::string(rondo::guard_kind_name(GuardKind::mprotect)) == "mprotect");
    CHECK(std::string(rondo::guard_kind_name(GuardKind::check)) == "check");
}

TEST_CASE("mprotect guards take at most half of the process's mappings") {
    CHECK(rondo::mprotect_guard_budget() * 4 <= static_cast<size_t>(max_map_count()));
    CHECK(rondo::mprotect_guard_budget() * 4 + 4 > static_cast<size_t>(max_map_count()));
}

TEST_CASE("without /proc the budget follows the kernel's default") {
    rondo_test::passes_in_child([] {
        rondo_test::fail_calls({{SYS_openat, ENOENT}});
        CHILD_REQUIRE(rondo::mprotect_guard_budget() == 65530 / 4);
    });
}

TEST_CASE("an older kernel is found out by asking it") {
    rondo_test::passes_in_child([] {
        rondo_test::fail_calls({{SYS_madvise, EINVAL, 2, kGuardInstall}});
        CHILD_REQUIRE(rondo::probe_guard_kind() == GuardKind::mprotect);
    });
}

TEST_CASE("a refused guard is an error") {
    rondo_test::passes_in_child([] {
        char* guard = room();
        rondo_test::fail_calls({{SYS_mprotect, ENOMEM, 2, 0}});
        CHILD_REQUIRE(rondo::install_guard(GuardKind::mprotect, guard) == -ENOMEM);
        CHILD_REQUIRE(writable(guard));
    });
}
