// SPDX-License-Identifier: Apache-2.0
//
// `rondo-unwind`: says what one thread of a process does, for the stall watchdog, which starts it.
//
//   standard input    "PID TID\n"; the process is looked at when the line has come, so that it can first permit that
//   standard output   a line that says why it cannot be looked at; or
//                     "captured\n" as soon as the thread has been looked at and goes on;
//                     "site ADDRESS\n", hexadecimal, 0 if unknown;
//                     "doing WHAT\n": "running" or "in system call …" or "in the kernel, outside system calls";
//                     then lines for people: a frame each, and what is missing in parentheses.
//
// A process of its own, since a thread can only be stopped from outside, and libdw must not be loaded into servers.

#include <cstdio>

#include "syscall_shim/tools/backtrace.h"

namespace rondo {

namespace {

std::string doing(const ThreadCapture& capture, pid_t pid) {
    switch (capture.doing) {
        case Doing::running:
            return "running";
        case Doing::in_system_call:
            return "in system call " + describe(capture.call, pid);
        case Doing::in_kernel:
        case Doing::unknown:
            break;
    }
    return "in the kernel, outside system calls (a page fault)";
}

int unwind_main() {
    int pid = 0;
    int tid = 0;
    if (scanf("%d %d", &pid, &tid) != 2) {
        fprintf(stderr, "rondo-unwind: expected PID TID on standard input\n");
        return 2;
    }
    ThreadCapture capture = capture_thread(pid, tid);
    if (capture.doing == Doing::unknown) {
        printf("%s\n", capture.problem.c_str());
        return 1;
    }
    printf("captured\n");
    fflush(stdout);
    Process process(pid);
    Backtrace backtrace = process.ready() ? process.unwind(tid, capture) : Backtrace{};
    printf("site %lx\ndoing %s\n%s", backtrace.site, doing(capture, pid).c_str(), backtrace.text.c_str());
    if (!capture.problem.empty()) {
        printf("  (%s)\n", capture.problem.c_str());
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace

}  // namespace rondo

int main() { return rondo::unwind_main(); }
