// SPDX-License-Identifier: Apache-2.0
//
// See thread_capture.h. PTRACE_SEIZE and PTRACE_INTERRUPT send no signal: the thread's parent and debugger-like
// handlers in the program see nothing. If this process dies, the kernel lets the thread go.

#include "syscall_shim/tools/thread_capture.h"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace rondo {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kStackCopy = 256 * 1024;
constexpr int kStopMilliseconds = 500;

void read_state(pid_t pid, pid_t tid, ThreadCapture& capture) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/syscall");
    std::string first;
    file >> first;
    if (first.empty()) {
        capture.problem = "/proc does not tell what the thread does; did the process change its user?";
        return;
    }
    if (first == "running") {
        capture.doing = Doing::running;
        return;
    }
    file >> std::hex;
    capture.call.number = std::stol(first);
    capture.doing = capture.call.number < 0 ? Doing::in_kernel : Doing::in_system_call;
    for (unsigned long& argument : capture.call.arguments) {
        if (capture.doing == Doing::in_system_call) {
            file >> argument;
        }
    }
    file >> capture.registers[kStackPointer] >> capture.registers[kProgramCounter];
}

bool failed(long result, const char* what, ThreadCapture& capture) {
    if (result < 0) {
        capture.problem = std::string(what) + ": " + strerror(errno);
    }
    return result < 0;
}

// Returns the signal that the thread was about to get, 0 if there was none, -1 if it did not stop.
int wait_for_stop(pid_t tid) {
    for (int waited = 0; waited < kStopMilliseconds; ++waited) {
        int status = 0;
        pid_t found = waitpid(tid, &status, __WALL | WNOHANG);
        if (found == tid && WIFSTOPPED(status)) {
            return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
        }
        if (found != 0) {
            return -1;
        }
        usleep(waited == 0 ? 100 : 1000);
    }
    return -1;
}

void keep_registers(const user_regs_struct& from, ThreadCapture& capture) {
    const uint64_t in_order[kRegisters] = {from.rax, from.rdx, from.rcx, from.rbx, from.rsi, from.rdi,
                                           from.rbp, from.rsp, from.r8,  from.r9,  from.r10, from.r11,
                                           from.r12, from.r13, from.r14, from.r15, from.rip};
    std::copy(std::begin(in_order), std::end(in_order), capture.registers);
    capture.all_registers = true;
}

// A page at a time, as a read that meets an unmapped page gives only the elements before it.
void copy_stack(pid_t pid, ThreadCapture& capture) {
    uint64_t low = capture.registers[kStackPointer];
    if (low == 0) {
        return;
    }
    std::vector<iovec> pages;
    for (uint64_t at = low; at < low + kStackCopy;) {
        uint64_t next = (at / kPage + 1) * kPage;
        pages.push_back({reinterpret_cast<void*>(at), next - at});
        at = next;
    }
    capture.stack.resize(kStackCopy + kPage);
    iovec local{capture.stack.data(), capture.stack.size()};
    ssize_t copied = process_vm_readv(pid, &local, 1, pages.data(), pages.size(), 0);
    capture.stack.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
}

void capture_stopped(pid_t pid, pid_t tid, ThreadCapture& capture) {
    if (failed(ptrace(PTRACE_SEIZE, tid, nullptr, nullptr), "ptrace", capture) ||
        failed(ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr), "ptrace", capture)) {
        return;
    }
    int signal = wait_for_stop(tid);
    if (signal < 0) {
        capture.problem = "the thread does not stop: the kernel is busy with it";
        return;
    }
    user_regs_struct registers{};
    if (!failed(ptrace(PTRACE_GETREGS, tid, nullptr, &registers), "ptrace", capture)) {
        keep_registers(registers, capture);
        copy_stack(pid, capture);
    }
    ptrace(PTRACE_DETACH, tid, nullptr, static_cast<long>(signal));
}

}  // namespace

ThreadCapture capture_thread(pid_t pid, pid_t tid) {
    ThreadCapture capture{};
    read_state(pid, tid, capture);
    if (capture.doing == Doing::unknown) {
        return capture;
    }
    if (capture.doing == Doing::running ||
        (capture.doing == Doing::in_system_call && goes_on_after_a_stop(capture.call, pid))) {
        capture_stopped(pid, tid, capture);
    } else {
        capture.problem = "callers may be missing: the thread was not stopped, which could have cut its call short";
    }
    if (!capture.all_registers) {
        copy_stack(pid, capture);
    }
    return capture;
}

}  // namespace rondo
