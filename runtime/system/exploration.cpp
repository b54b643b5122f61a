// SPDX-License-Identifier: Apache-2.0
//
// See exploration.h. The trace's file is locked while the process lives: a child that starts a runtime of its own,
// after a fork or in a program that it executes, finds the lock taken and writes to FILE.PID instead.

#include "runtime/system/exploration.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <new>

#include "runtime/base/check.h"
#include "runtime/base/print.h"
#include "runtime/base/sys.h"
#include "runtime/core/fiber.h"
#include "runtime/io/fd_table.h"
#include "runtime/sched/seeded_policy.h"
#include "runtime/system/call_site.h"
#include "runtime/system/no_end_report.h"
#include "runtime/system/runtime.h"

namespace rondo {

namespace {

alignas(SeededPolicy) char policy_room[sizeof(SeededPolicy)];
SeededPolicy* policy = nullptr;
int trace_fd = -1;

[[noreturn]] void fail(const char* path, const char* problem) {
    Line line;
    line << "rondo: " << path << ": " << problem;
    line.send(2);
    sys::call(SYS_exit_group, 2);
    __builtin_unreachable();
}

long open_file(const char* path, int flags) {
    return sys::call(SYS_openat, AT_FDCWD, sys::to_arg(path), flags | O_CLOEXEC, 0666);
}

std::string_view read_whole(const char* path) {
    long fd = open_file(path, O_RDONLY);
    struct stat status {};
    if (fd < 0 || sys::call(SYS_fstat, fd, sys::to_arg(&status)) != 0 || !S_ISREG(status.st_mode)) {
        fail(path, "the trace cannot be read");
    }
    auto bytes = static_cast<size_t>(status.st_size);
    if (bytes == 0) {
        return {};
    }
    void* room = sys::mmap(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    size_t done = 0;
    long got = sys::is_error(room) ? -ENOMEM : 1;
    while (got > 0 && done < bytes) {
        got = sys::read(static_cast<int>(fd), static_cast<char*>(room) + done, bytes - done);
        done += got > 0 ? static_cast<size_t>(got) : 0;
    }
    sys::close(static_cast<int>(fd));
    if (got < 0) {
        fail(path, "the trace cannot be read");
    }
    return {static_cast<char*>(room), done};
}

void load(const char* path, Replay& replay) {
    char problem[128];
    Text error(problem, sizeof problem);
    if (!replay.take(read_whole(path), error)) {
        fail(path, problem);
    }
}

int open_trace(const char* path) {
    constexpr int kFlags = O_WRONLY | O_CREAT;
    char own[PATH_MAX];
    long fd = open_file(path, kFlags);
    if (fd >= 0 && sys::call(SYS_flock, fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK) {
        sys::close(static_cast<int>(fd));
        Text name(own, sizeof own);
        name << path << "." << static_cast<uint64_t>(sys::getpid());
        fd = open_file(own, kFlags);
    }
    fd = FdTable::instance().keep_own(fd);
    if (fd < 0) {
        fail(path, "the trace cannot be written");
    }
    return static_cast<int>(fd);
}

}  // namespace

Policy* begin_exploration(const Settings& settings) {
    if (settings.sched == SchedKind::fifo) {
        return nullptr;
    }
    Replay replay;
    Schedule::Origin origin{settings.seed, settings.faults, nullptr, -1, settings.choices, end_without_end};
    if (settings.replay != nullptr) {
        load(settings.replay, replay);
        origin.replay = &replay;
    }
    if (settings.trace != nullptr) {
        trace_fd = origin.trace = open_trace(settings.trace);
        origin.add_site = add_call_site;
    }
    VirtualClock::restart();
    policy = new (policy_room) SeededPolicy(Schedule(origin));
    choice_source = policy;
    return policy;
}

void end_exploration() {
    choice_source = nullptr;
    policy = nullptr;
    if (trace_fd >= 0) {
        FdTable::instance().close_own(trace_fd);
    }
    trace_fd = -1;
}

void restart_schedule(uint64_t seed) {
    RONDO_CHECK(policy != nullptr && live_fibers.load(std::memory_order_relaxed) == 1);
    policy->restart(seed);
    VirtualClock::restart();
}

}  // namespace rondo
