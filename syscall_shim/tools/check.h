// SPDX-License-Identifier: Apache-2.0
//
// `rondo --check [PROGRAM]`: what this machine gives a Rondo program, what each limit allows in threads and
// connections, and which of PROGRAM's calls Rondo can turn into parks. One function a section, one file a section; each
// prints its own lines on standard output. Figures are what the runtime itself would decide: the guard probe, the
// default number of workers and the cgroup limits are the runtime's own code, linked in.
#pragma once

#include <string>
#include <string_view>

#include "runtime/base/settings.h"
#include "syscall_shim/tools/program.h"

namespace rondo {

// "label   text", the text wrapped and indented.
void report(std::string_view label, std::string_view text);
// 19900 as "19,900".
std::string grouped(unsigned long long value);
// 8388608 as "8 MB"; rounded down unless that would leave less than two digits.
std::string in_bytes(unsigned long long value);
// The first line of a file, or empty.
std::string first_line(const char* path);

void check_system(const Settings& settings);
void check_guards();
void check_limits(const Settings& settings);
void check_program(const Program& program);

}  // namespace rondo
