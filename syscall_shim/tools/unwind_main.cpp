// SPDX-License-Identifier: Apache-2.0
//
// `rondo-unwind`: says what threads of a process do. The stall watchdog starts it for one kernel thread, others for
// parked threads. Standard input, read when it has come, so that the process can first permit to be looked at:
//
//   "PID TID\n"       a kernel thread, which is stopped for a moment; or
//   "PID parked\n"    and then, each on a line of its own, to an empty line or the end:
//                     "stack ADDRESS": a parked thread whose context was saved there (runtime/core/saved_context.h);
//                     "name ADDRESS": what variable or function lies there. Addresses are hexadecimal.
//
// Standard output: a line that says why it cannot be looked at; or "captured\n" as soon as the thread goes on, and
//
//   for a kernel thread   "site ADDRESS\n", hexadecimal, 0 if unknown; "doing WHAT\n": "running" or "in system call …"
//                         or "in the kernel, outside system calls"; then lines for people: a frame each, and what is
//                         missing in parentheses;
//   for parked threads    for each line in turn, a line: the number of the thread's stack, from 0 in the order in which
//                         they are first met, or -1; or the name, "-" if there is none; then for each stack "stack
//                         NUMBER PLACE\n", PLACE being where the program's own code called, and a line a frame.
//
// `rondo-unwind --places` is another program in the same file: file_places.h.
//
// A process of its own, since a thread can only be stopped from outside, and libdw must not be loaded into servers.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "syscall_shim/tools/backtrace.h"
#include "syscall_shim/tools/file_places.h"

namespace rondo {

namespace {

constexpr int kUsage = 2;

std::string doing(const ThreadCapture& capture, pid_t pid) {
    switch (capture.doing) {
        case Doing::running:
            return "running";
        case Doing::in_system_call:
            return "in system call " + describe(capture.call, pid);
        case Doing::in_kernel:
        case Doing::parked:
        case Doing::unknown:
            break;
    }
    return "in the kernel, outside system calls (a page fault)";
}

int look_at_kernel_thread(pid_t pid, pid_t tid) {
    ThreadCapture capture = capture_thread(pid, tid);
    if (capture.doing == Doing::unknown) {
        printf("%s\n", capture.problem.c_str());
        return 1;
    }
    printf("captured\n");
    fflush(stdout);
    Process process(pid);
    Backtrace backtrace = process.ready() ? process.unwind(capture) : Backtrace{};
    printf("site %lx\ndoing %s\n%s", backtrace.site, doing(capture, pid).c_str(), backtrace.text.c_str());
    if (!capture.problem.empty()) {
        printf("  (%s)\n", capture.problem.c_str());
    }
    return 0;
}

// The answer to a line of the request; empty: it is none.
std::string answer(Process& process, const std::string& line) {
    size_t blank = line.find(' ');
    std::string what = line.substr(0, blank);
    uint64_t address = blank != std::string::npos ? strtoul(line.c_str() + blank, nullptr, 16) : 0;
    if (what == "stack") {
        return std::to_string(process.add_parked(address));
    }
    std::string name = what == "name" ? process.symbol(address) : "";
    return what != "name" ? "" : name.empty() ? "-" : name;
}

int look_at_parked(pid_t pid) {
    Process process(pid);
    std::string answers;
    for (std::string line; std::getline(std::cin, line) && !line.empty();) {
        std::string found = process.ready() ? answer(process, line) : "";
        if (process.ready() && found.empty()) {
            fprintf(stderr, "rondo-unwind: expected \"stack ADDRESS\" or \"name ADDRESS\"\n");
            return kUsage;
        }
        answers += found + "\n";
    }
    if (!process.ready() || (process.problem() != 0 && process.stacks().empty())) {
        printf("%s\n", process.ready() ? strerror(process.problem()) : "its map of files cannot be read");
        return 1;
    }
    printf("captured\n%s", answers.c_str());
    size_t number = 0;
    for (const Backtrace& stack : process.stacks()) {
        printf("stack %zu %s\n%s", number++, stack.place.c_str(), stack.text.c_str());
    }
    return 0;
}

int unwind_main() {
    std::string line;
    std::getline(std::cin, line);
    int pid = 0;
    int length = 0;
    if (sscanf(line.c_str(), "%d %n", &pid, &length) == 1 && length > 0) {
        std::string what = line.substr(static_cast<size_t>(length));
        int tid = atoi(what.c_str());
        if (tid > 0 || what == "parked") {
            int status = tid > 0 ? look_at_kernel_thread(pid, tid) : look_at_parked(pid);
            return fflush(stdout) == 0 ? status : 1;
        }
    }
    fprintf(stderr, "rondo-unwind: expected \"PID TID\" or \"PID parked\" on standard input\n");
    return kUsage;
}

}  // namespace

}  // namespace rondo

int main(int count, char** arguments) {
    if (count == 2 && strcmp(arguments[1], "--places") == 0) {
        return rondo::name_places();
    }
    std::ios::sync_with_stdio(false);
    return rondo::unwind_main();
}
