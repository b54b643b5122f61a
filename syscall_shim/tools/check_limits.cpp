// SPDX-License-Identifier: Apache-2.0
//
// Section of --check: each limit with what it allows, then the two answers people want: how many threads, how many
// connections. Memory per parked thread is the documented figure: one page of stack plus page tables, which grow
// with the distance between stacks.

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>

#include "runtime/base/cgroup.h"
#include "runtime/core/guard.h"
#include "runtime/core/stack_pool.h"
#include "syscall_shim/tools/check.h"

namespace rondo {

namespace {

constexpr unsigned long long kAddressSpace = 1ULL << 47;
constexpr unsigned long long kLargeClass = 1ULL << 20;
constexpr unsigned long long kParkedBytes = 9 * 1024;       // stacks of 1 MB and more
constexpr unsigned long long kParkedSmallBytes = 5 * 1024;  // smaller stacks
constexpr unsigned long long kOwnDescriptors = 100;         // the program's files and the runtime's own
constexpr unsigned long long kNone = RLIM_INFINITY;

struct Answer {
    unsigned long long threads = kNone;
    const char* threads_limited_by = "";

    void at_most(unsigned long long count, const char* limit) {
        if (count < threads) {
            threads = count;
            threads_limited_by = limit;
        }
    }
};

std::string threads(unsigned long long count) { return "about " + grouped(count) + " threads"; }

std::string limit_text(unsigned long long value) { return value == kNone ? "no limit" : grouped(value); }

// The value in bytes of a /proc/meminfo line; 0 if there is none.
unsigned long long meminfo_bytes(const std::string& name) {
    std::ifstream file("/proc/meminfo");
    std::string key;
    unsigned long long kilobytes = 0;
    std::string unit;
    while (file >> key >> kilobytes) {
        if (key == name + ":") {
            return kilobytes * 1024;
        }
        std::getline(file, unit);
    }
    return 0;
}

unsigned long long open_files() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned long long connections = files.rlim_cur > kOwnDescriptors ? files.rlim_cur - kOwnDescriptors : 0;
    std::string text = limit_text(files.rlim_cur) + " now, " + limit_text(files.rlim_max) + " at most: about " +
                       grouped(connections) + " connections, one descriptor each";
    if (files.rlim_cur < files.rlim_max) {
        text += "; `ulimit -n " +
                (files.rlim_max == kNone ? std::string("unlimited") : std::to_string(files.rlim_max)) + "` raises it";
    }
    report("open files", text);
    return connections;
}

void memory_maps() {
    bool none_needed = probe_guard_kind() == GuardKind::madvise;
    report("memory maps", "vm.max_map_count " + first_line("/proc/sys/vm/max_map_count") +
                              (none_needed ? ": no limit on threads, which take none"
                                           : ": no limit on threads, but on guards, see above"));
}

void address_space(unsigned long long stack, Answer& answer) {
    rlimit space{};
    getrlimit(RLIMIT_AS, &space);
    unsigned long long count = std::min<unsigned long long>(space.rlim_cur, kAddressSpace) / stack;
    answer.at_most(count, "address space");
    report("address space", (space.rlim_cur == kNone ? "no limit" : in_bytes(space.rlim_cur)) + ": " + threads(count) +
                                " with stacks of " + in_bytes(stack));
}

void overcommit(unsigned long long stack, Answer& answer) {
    std::string mode = first_line("/proc/sys/vm/overcommit_memory");
    if (mode != "2") {
        return report("overcommit", "mode " + mode + ": no limit on threads, as reserved stacks are not counted");
    }
    unsigned long long limit = meminfo_bytes("CommitLimit");
    unsigned long long used = meminfo_bytes("Committed_AS");
    unsigned long long count = limit > used ? (limit - used) / stack : 0;
    answer.at_most(count, "overcommit");
    report("overcommit", "mode 2, which counts reserved stacks, " + in_bytes(limit > used ? limit - used : 0) +
                             " left: " + threads(count) + " with stacks of " + in_bytes(stack) +
                             "; RONDO_STACK=64K allows more");
}

void memory(unsigned long long stack, Answer& answer) {
    unsigned long long parked = stack >= kLargeClass ? kParkedBytes : kParkedSmallBytes;
    unsigned long long available = meminfo_bytes("MemAvailable");
    uint64_t cgroup = cgroup_limit(CgroupLimit::memory_bytes);
    unsigned long long usable = std::min<unsigned long long>(available, cgroup);
    unsigned long long count = usable / parked;
    answer.at_most(count, cgroup < available ? "the cgroup's memory limit" : "memory");
    report("memory", in_bytes(available) + " available, cgroup limit " +
                         (cgroup == kNoCgroupLimit ? "none" : in_bytes(cgroup)) + ": " + threads(count) +
                         " parked, at about " + in_bytes(parked) + " each with stacks of " + in_bytes(stack));
}

void kernel_tasks() {
    rlimit processes{};
    getrlimit(RLIMIT_NPROC, &processes);
    uint64_t cgroup = cgroup_limit(CgroupLimit::tasks);
    report("kernel tasks", limit_text(processes.rlim_cur) + " a user, cgroup limit " +
                               (cgroup == kNoCgroupLimit ? "none" : grouped(cgroup)) +
                               ": no limit on threads; Rondo needs one task a worker and a few more");
}

}  // namespace

void check_limits(const Settings& settings) {
    unsigned long long stack = settings.stack_bytes != 0 ? settings.stack_bytes : kDefaultStack;
    Answer answer;
    unsigned long long connections = open_files();
    memory_maps();
    address_space(stack, answer);
    overcommit(stack, answer);
    memory(stack, answer);
    kernel_tasks();
    report("so", threads(answer.threads) + " (limited by " + answer.threads_limited_by + "), about " +
                     grouped(std::min(connections, answer.threads)) + " connections with a thread each");
}

}  // namespace rondo
