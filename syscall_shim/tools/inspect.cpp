// SPDX-License-Identifier: Apache-2.0
//
// See inspect.h.

#include "syscall_shim/tools/inspect.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "syscall_shim/tools/inspect_client.h"
#include "syscall_shim/tools/inspect_stats.h"
#include "syscall_shim/tools/inspect_threads.h"

namespace rondo {

namespace {

constexpr int kUsage = 2;

struct Command {
    const char* word;
    const char* request;
    bool (*print)(pid_t pid, const std::string& answer);  // false: the answer is not understood
    const char* help;
};

constexpr Command kCommands[] = {
    {"ps", "threads", print_threads, "a line for each thread: what it waits for, since when, and where"},
    {"stacks", "threads", print_stacks, "the backtraces of parked threads, equal ones once, the most frequent first"},
    {"stats", "stats", print_stats, "how many threads do what, and what the workers do"},
};

const Command* find_command(const char* word) {
    for (const Command& command : kCommands) {
        if (strcmp(word, command.word) == 0) {
            return &command;
        }
    }
    return nullptr;
}

int fail(int status, const std::string& problem) {
    fprintf(stderr, "rondo: %s\n", problem.c_str());
    return status;
}

int finish_output() { return fflush(stdout) == 0 ? 0 : fail(1, "standard output cannot be written"); }

int print_usage() {
    printf("usage: rondo ps|stacks|stats [--json] PID\n\nSays what the threads of a running process do:\n");
    for (const Command& command : kCommands) {
        printf("  %-8s  %s\n", command.word, command.help);
    }
    printf(
        "  --json    print the process's own answer, for programs\n"
        "\nThe process must be yours and run under rondo, or with RONDO_INSPECT=1. It is not stopped.\n");
    return finish_output();
}

// 0: the text is no process's number.
pid_t to_pid(const char* text) {
    char* end = nullptr;
    long value = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && value > 0 && value < (1L << 30) ? static_cast<pid_t>(value)
                                                                                           : 0;
}

int run(const Command& command, pid_t pid, bool raw) {
    Answer answer = ask_inspector(pid, command.request);
    if (!answer.problem.empty()) {
        return fail(1, answer.problem);
    }
    if (raw) {
        fputs(answer.text.c_str(), stdout);
    } else if (!command.print(pid, answer.text)) {
        return fail(1, "the answer of process " + std::to_string(pid) +
                           " is not understood; is it of another version of Rondo?");
    }
    return finish_output();
}

}  // namespace

bool is_inspection(const char* word) { return word != nullptr && find_command(word) != nullptr; }

int inspect_main(char** arguments) {
    const Command& command = *find_command(*arguments++);
    bool raw = false;
    const char* process = nullptr;
    for (; *arguments != nullptr; ++arguments) {
        if (strcmp(*arguments, "--help") == 0) {
            return print_usage();
        }
        if (strcmp(*arguments, "--json") == 0) {
            raw = true;
        } else if (process == nullptr && to_pid(*arguments) != 0) {
            process = *arguments;
        } else {
            return fail(kUsage, std::string(*arguments) + ": expected one process number; see rondo " + command.word +
                                    " --help (a program of that name is run by rondo -- " + command.word + ")");
        }
    }
    if (process == nullptr) {
        return fail(kUsage, std::string(command.word) + ": which process? see rondo " + command.word + " --help");
    }
    return run(command, to_pid(process), raw);
}

}  // namespace rondo
