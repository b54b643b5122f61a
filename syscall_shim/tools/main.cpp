// SPDX-License-Identifier: Apache-2.0
//
// The launcher `rondo`. Everything that can be refused is refused before the program is started: options and settings
// with status 2, the program with 126 or 127, always in one line on standard error.

#include <sys/personality.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstring>

#include "runtime/base/settings.h"
#include "syscall_shim/tools/check.h"
#include "syscall_shim/tools/explore.h"
#include "syscall_shim/tools/inspect.h"
#include "syscall_shim/tools/kernel.h"
#include "syscall_shim/tools/launch.h"
#include "syscall_shim/tools/options.h"

namespace rondo {

namespace {

constexpr int kUsage = 2;

// A file's name may hold anything; the message stays one line.
int fail(int status, std::string problem) {
    for (char& character : problem) {
        character = iscntrl(static_cast<unsigned char>(character)) != 0 ? '?' : character;
    }
    fprintf(stderr, "rondo: %s\n", problem.c_str());
    return status;
}

int finish_output() { return fflush(stdout) == 0 ? 0 : fail(1, "standard output cannot be written"); }

int check(const Settings& settings, char** command) {
    check_system(settings);
    check_guards();
    check_limits(settings);
    int status = 0;
    if (command != nullptr) {
        Program program = inspect_program(command[0]);
        if (program.status == 0) {
            check_program(program);
        } else {
            status = fail(program.status, program.problem);
        }
    }
    return finish_output() != 0 ? 1 : status;
}

// A run with a seed or a trace is to be the same each time, so each finds the same addresses.
void fix_addresses() {
    int before = personality(0xffffffff);
    if (before != -1) {
        personality(static_cast<unsigned long>(before) | ADDR_NO_RANDOMIZE);
    }
}

int run(char** command) {
    Program program = inspect_program(command[0]);
    if (program.status != 0) {
        return fail(program.status, program.problem);
    }
    std::string problem = missing_from_kernel();
    if (!problem.empty()) {
        return fail(kCannotRun, problem);
    }
    int status = launch(program, command, problem);
    return fail(status, problem);
}

int launcher_main(char** argv) {
    if (argv[0] != nullptr && argv[1] != nullptr && strcmp(argv[1], "explore") == 0) {
        return explore_main(argv + 1);
    }
    if (argv[0] != nullptr && is_inspection(argv[1])) {
        return inspect_main(argv + 1);
    }
    Options options = parse_options(argv);
    if (!options.error.empty()) {
        return fail(kUsage, options.error);
    }
    if (options.action == Action::help) {
        print_help();
        return finish_output();
    }
    if (options.action == Action::version) {
        printf("rondo %s\n", RONDO_VERSION);
        return finish_output();
    }
    Settings settings;
    char error[256];
    if (!parse_settings(environ, settings, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        return kUsage;
    }
    if (settings.sched != SchedKind::fifo) {
        fix_addresses();
    }
    return options.action == Action::check ? check(settings, options.command) : run(options.command);
}

}  // namespace

}  // namespace rondo

int main(int, char** argv) { return rondo::launcher_main(argv); }
