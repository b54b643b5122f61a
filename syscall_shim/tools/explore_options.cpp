// SPDX-License-Identifier: Apache-2.0
//
// Two tables, of numbers and of switches, serve the parser and the help text. Both forms of a value are taken, "--runs
// 50" and
// "--runs=50".

#include "syscall_shim/tools/explore_options.h"

#include <cstdio>
#include <cstring>
#include <string_view>

namespace rondo {

namespace {

using std::string;
using std::string_view;

struct Number {
    const char* option;
    uint64_t ExploreOptions::*field;
    uint64_t least;
    uint64_t most;
    const char* help;
};

constexpr Number kNumbers[] = {
    {"--runs", &ExploreOptions::runs, 1, UINT64_MAX, "how many seeds to try (1000)"},
    {"--seed", &ExploreOptions::first_seed, 0, UINT64_MAX, "the first of them (1)"},
    {"--jobs", &ExploreOptions::jobs, 1, 256, "processes at a time (2)"},
    {"--choices", &ExploreOptions::choices, 1, 1UL << 60, "choices after which a run will never end (10000000)"},
    {"--timeout", &ExploreOptions::timeout_s, 1, 86400, "seconds that one run may take (10)"},
    {"--shrink", &ExploreOptions::shrink_s, 0, 86400, "seconds to spend on a shorter schedule (30)"},
    {"--status", &ExploreOptions::expected_status, 0, 255, "the exit status of a good run (0)"},
};

struct Switch {
    const char* option;
    bool ExploreOptions::*field;
    const char* help;
};

constexpr Switch kSwitches[] = {
    {"--compare", &ExploreOptions::compare, "other output than that of the default schedule is a failure"},
    {"--faults", &ExploreOptions::faults, "let allocations fail, too"},
    {"--help", &ExploreOptions::help, "print this and end"},
};

constexpr char kOutput[] = "--output";

bool read_number(const char* text, const Number& number, uint64_t& out) {
    uint64_t value = 0;
    for (const char* at = text; *at != '\0'; ++at) {
        bool digit = *at >= '0' && *at <= '9';
        if (!digit || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, static_cast<uint64_t>(*at - '0'), &value)) {
            return false;
        }
    }
    out = value;
    return *text != '\0' && value >= number.least && value <= number.most;
}

bool take_switch(string_view word, ExploreOptions& options) {
    for (const Switch& candidate : kSwitches) {
        if (word == candidate.option) {
            options.*candidate.field = true;
            return true;
        }
    }
    return false;
}

void take_value(string_view name, const char* value, ExploreOptions& options) {
    if (name == kOutput) {
        options.replay_file = value;
        return;
    }
    for (const Number& number : kNumbers) {
        if (name != number.option) {
            continue;
        }
        if (!read_number(value, number, options.*number.field)) {
            options.error = string(name) + " " + value + ": expected a number from " + std::to_string(number.least) +
                            " to " + std::to_string(number.most);
        }
        return;
    }
    options.error = string(name) + ": no such option; see rondo explore --help";
}

// Returns how many words the option took.
int take_option(char** argv, ExploreOptions& options) {
    string_view word = argv[0];
    if (take_switch(word, options)) {
        return 1;
    }
    size_t equals = word.find('=');
    bool joined = equals != string_view::npos;
    const char* value = joined ? argv[0] + equals + 1 : argv[1];
    take_value(word.substr(0, equals), value != nullptr ? value : "", options);
    return joined || value == nullptr ? 1 : 2;
}

}  // namespace

ExploreOptions parse_explore_options(char** argv) {
    ExploreOptions options;
    ++argv;
    while (*argv != nullptr && argv[0][0] == '-' && options.error.empty() && !options.help) {
        if (strcmp(*argv, "--") == 0) {
            ++argv;
            break;
        }
        argv += take_option(argv, options);
    }
    options.command = *argv != nullptr ? argv : nullptr;
    if (options.error.empty() && !options.help && options.command == nullptr) {
        options.error = "no program given; see rondo explore --help";
    }
    if (options.command != nullptr && options.replay_file.empty()) {
        string_view program = options.command[0];
        options.replay_file = string(program.substr(program.rfind('/') + 1)) + ".replay";
    }
    return options;
}

void print_explore_help() {
    printf(
        "usage: rondo explore [options] PROGRAM [ARGUMENT...]\n"
        "\n"
        "Runs PROGRAM again and again, each time with another order of its threads, drawn from a seed, until a run "
        "fails:\n"
        "a crash, a failed assertion, a deadlock, a data race, a wrong exit status, no end. Then says what happened "
        "and\n"
        "how to repeat it, with as few forced switches as it can find.\n"
        "\n");
    for (const Number& number : kNumbers) {
        printf("  %-14s  %s\n", (string(number.option) + " N").c_str(), number.help);
    }
    printf("  %-14s  %s\n", "--output FILE", "where the schedule goes (PROGRAM.replay)");
    for (const Switch& candidate : kSwitches) {
        printf("  %-14s  %s\n", candidate.option, candidate.help);
    }
    printf("\nExit status: 0 if no run failed; 1 if one did; 2 for a wrong option; 126 and 127 as rondo itself.\n");
}

}  // namespace rondo
