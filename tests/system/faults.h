// SPDX-License-Identifier: Apache-2.0
//
// For tests of what the runtime does when the system refuses: system calls that fail on demand, and checks that work
// inside a forked child (run_child of test.h), where doctest's own would be lost.
//
// A started runtime cannot be torn down, so each such case forks before the start; a seccomp filter then makes the
// named calls fail in the child, for good. Rejected: interposing libc, since the runtime makes raw system calls.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "support/test.h"

namespace rondo_test {

// The call fails with the error; where an argument's index is given, only with this value there (its low 32 bits).
struct Fault {
    long number;
    int error;
    int argument = -1;
    unsigned value = 0;
};

inline void child_failed(const char* what, const char* file, int line) {
    dprintf(STDERR_FILENO, "%s:%d: %s (errno: %s)\n", file, line, what, strerror(errno));
    _exit(1);
}

// Ends the child with status 1 and says why, unless the condition holds.
#define CHILD_REQUIRE(condition) ((condition) ? (void)0 : ::rondo_test::child_failed(#condition, __FILE__, __LINE__))

inline void fail_calls(std::initializer_list<Fault> faults) {
    std::vector<sock_filter> program;
    auto load = [&program](size_t offset) {
        program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(offset)));
    };
    for (const Fault& fault : faults) {
        bool by_argument = fault.argument >= 0;
        load(offsetof(seccomp_data, nr));
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(fault.number), 0,
                                   static_cast<unsigned char>(by_argument ? 3 : 1)));
        if (by_argument) {
            load(offsetof(seccomp_data, args) + static_cast<size_t>(fault.argument) * sizeof(uint64_t));
            program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, fault.value, 0, 1));
        }
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(fault.error)));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
    CHILD_REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHILD_REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0);
}

// Runs the body in a child and requires that it ended well; returns what it wrote to standard error.
inline std::string passes_in_child(rondo_test::CallRef<void()> body) {
    std::string errors;
    int status = run_child(body, &errors);
    CHECK_MESSAGE(status == 0, "wait status ", status, "\n", errors);
    return errors;
}

// Runs the body in a child and requires that a broken invariant aborted it; the text must name it.
inline void panics_in_child(rondo_test::CallRef<void()> body, const char* text) {
    std::string errors;
    int status = run_child(body, &errors);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK_MESSAGE(errors.find(text) != std::string::npos, errors);
}

// How often the text occurs.
inline int occurrences(const std::string& in, const std::string& text) {
    int count = 0;
    for (size_t at = in.find(text); at != std::string::npos; at = in.find(text, at + text.size())) {
        ++count;
    }
    return count;
}

// Whether the kernel may write to the byte: EFAULT is the answer for memory that faults.
inline bool writable(void* address) {
    static const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    REQUIRE(zero >= 0);
    return syscall(SYS_read, zero, address, 1) == 1;
}

// The number on a line "Name:  123 ..." of /proc/self/status.
inline long status_of_process(const char* name) {
    FILE* file = fopen("/proc/self/status", "re");
    char line[256];
    long value = -1;
    while (file != nullptr && fgets(line, sizeof line, file) != nullptr) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            value = atol(line + strlen(name) + 1);
        }
    }
    if (file != nullptr) {
        fclose(file);
    }
    return value;
}

}  // namespace rondo_test
