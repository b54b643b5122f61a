// SPDX-License-Identifier: Apache-2.0
//
// `rondo ps PID`, `rondo stacks PID`, `rondo stats PID`: what the threads of a running process do. The process hands
// out one answer in JSON (runtime/system/inspector.h); everything that people read is made here.
#pragma once

namespace rondo {

// Whether the word after `rondo` is one of these commands.
bool is_inspection(const char* word);

// arguments begin with that word. Returns the exit status: 0, 1 (no answer), 2 (usage).
int inspect_main(char** arguments);

}  // namespace rondo
