// SPDX-License-Identifier: Apache-2.0
//
// One table serves the parser and --help. Options end at the first word that is none, or after "--".
// Rejected: getopt_long, whose messages differ between versions and which accepts any unique prefix of an option.

#include "syscall_shim/tools/options.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace rondo {

namespace {

using std::string;
using std::string_view;

struct Setting {
    const char* option;
    const char* variable;
    const char* value;
    const char* help;
    const char* alone = nullptr;  // what the option means without "=VALUE", if the variable is not set
};

constexpr Setting kSettings[] = {
    {"--workers", "RONDO_WORKERS", "N", "kernel threads that run the program's threads (default: one a CPU)"},
    {"--io", "RONDO_IO", "auto|epoll", "how to wait for I/O (default: auto)"},
    {"--tls", "RONDO_TLS", "worker", "whose are thread-local variables (default: worker)"},
    {"--stack", "RONDO_STACK", "SIZE", "reserved for each thread, 16K to 1G (default: 8M)"},
    {"--sched", "RONDO_SCHED", "fifo|seed:N", "who runs next, in turn or as N decides (default: fifo)"},
    {"--trace", "RONDO_TRACE", "FILE", "write down what N decided, to be replayed by --sched replay:FILE"},
    {"--choices", "RONDO_CHOICES", "N", "under a seed: after N choices, report what threads do, and end"},
    {"--race", "RONDO_RACE", "stop|off", "end at a data race under seed or replay (default: stop)"},
    {"--watch", "RONDO_STALL_MS", "[=MS]", "report threads that keep their worker for MS milliseconds (100)", "100"},
    {"--inspect", "RONDO_INSPECT", "0|auto|1", "whether rondo ps and stacks may look inside (default: auto)"},
    {"--deadlock", "RONDO_DEADLOCK", "WHAT", "when no thread can run again: abort, report or off (default: report)"},
};

struct Command {
    const char* option;
    Action action;
    const char* help;
};

constexpr Command kCommands[] = {
    {"--check", Action::check, "report what this system allows, and what PROGRAM calls, then end"},
    {"--help", Action::help, "print this and end"},
    {"--version", Action::version, "print the version and end"},
};

const Setting* find_setting(string_view option) {
    for (const Setting& setting : kSettings) {
        if (option == setting.option) {
            return &setting;
        }
    }
    return nullptr;
}

const Command* find_command(string_view option) {
    for (const Command& command : kCommands) {
        if (option == command.option) {
            return &command;
        }
    }
    return nullptr;
}

// Takes "--x=VALUE", or "--x" and the next word, or "--x" if it can stand alone. Returns how many words it took; 0 with
// an error set.
int take_setting(char** argv, Options& options) {
    string_view word = argv[0];
    size_t equals = word.find('=');
    const Setting* setting = find_setting(word.substr(0, equals));
    if (setting == nullptr) {
        options.error = string(word) + ": no such option; see rondo --help";
        return 0;
    }
    bool joined = equals != string_view::npos;
    bool alone = !joined && setting->alone != nullptr;
    const char* value = joined ? argv[0] + equals + 1 : alone ? setting->alone : argv[1];
    if (value == nullptr) {
        options.error = string(word) + ": needs a value, " + setting->value;
        return 0;
    }
    setenv(setting->variable, value, alone ? 0 : 1);
    return joined || alone ? 1 : 2;
}

}  // namespace

Options parse_options(char** argv) {
    Options options;
    ++argv;
    while (*argv != nullptr && argv[0][0] == '-') {
        if (strcmp(*argv, "--") == 0) {
            ++argv;
            break;
        }
        const Command* command = find_command(*argv);
        if (command == nullptr) {
            int taken = take_setting(argv, options);
            if (taken == 0) {
                return options;
            }
            argv += taken;
            continue;
        }
        options.action = command->action;
        ++argv;
        if (command->action != Action::check) {
            return options;
        }
    }
    options.command = *argv != nullptr ? argv : nullptr;
    if (options.command == nullptr && options.action == Action::run) {
        options.error = "no program given; see rondo --help";
    }
    return options;
}

void print_help() {
    printf(
        "usage: rondo [options] PROGRAM [ARGUMENT...]\n"
        "       rondo [options] --check [PROGRAM]\n"
        "       rondo ps|stacks|stats [--json] PID\n"
        "       rondo explore [options] PROGRAM [ARGUMENT...]   (see rondo explore --help)\n"
        "\n"
        "Runs PROGRAM, a dynamically linked program that uses POSIX threads, with its threads on fibers:\n"
        "a call that would block a thread lets another one run.\n"
        "\n");
    for (const Setting& setting : kSettings) {
        string usage = string(setting.option) + (setting.alone == nullptr ? " " : "") + setting.value;
        printf("  %-18s  %s\n", usage.c_str(), setting.help);
    }
    for (const Command& command : kCommands) {
        printf("  %-18s  %s\n", command.option, command.help);
    }
    printf("\nEach setting can also be given in the environment:");
    constexpr size_t kNamesPerLine = 6;
    for (const Setting& setting : kSettings) {
        printf("%s %s", (&setting - kSettings) % kNamesPerLine == 0 ? "\n " : "", setting.variable);
    }
    printf(
        ".\n"
        "Exit status: PROGRAM's own; 2 for a wrong option or setting; 126 if PROGRAM cannot run under Rondo;\n"
        "127 if it is not found.\n");
}

}  // namespace rondo
