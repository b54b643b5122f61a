// SPDX-License-Identifier: Apache-2.0
//
// The launcher's command line: `rondo [options] PROGRAM ARGS…`. An option that sets something is the environment
// variable of the same name, so that a program's children and programs linked with the shim see one mechanism.
#pragma once

#include <string>

namespace rondo {

enum class Action { run, check, help, version };

struct Options {
    Action action = Action::run;
    char** command = nullptr;  // PROGRAM and its arguments, null-terminated; null if none was given
    std::string error;         // not empty: what is wrong, without "rondo: "
};

// Also sets RONDO_* of the environment. Their values are checked by parse_settings, not here.
Options parse_options(char** argv);

void print_help();

}  // namespace rondo
