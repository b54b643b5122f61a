// SPDX-License-Identifier: Apache-2.0
// See places.h. The tool is asked line by line through two pipes: "c ADDRESS FILE" or "d ADDRESS FILE", and answers
// with a line each, empty if it knows nothing. Raw system calls, for fork, read and write are the shim's.
#include "places.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../raw_call.h"
#include "modules.h"

namespace rondo::race {
namespace {

using shim::raw_call;
using shim::to_arg;

constexpr const char* kPlaces[] = {"../", "../../bin/", "../../../bin/"};

constinit bool started = false;
constinit int to_tool = -1;
constinit int from_tool = -1;

bool find_tool(char* path, size_t size) {
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(&find_tool), &info) == 0) return false;
    const char* name = strrchr(info.dli_fname, '/');
    int folder = name != nullptr ? static_cast<int>(name - info.dli_fname + 1) : 0;
    for (const char* place : kPlaces) {
        snprintf(path, size, "%.*s%srondo-unwind", folder, info.dli_fname, place);
        if (raw_call(SYS_access, to_arg(path), X_OK) == 0) return true;
    }
    return false;
}

// In the new process: an empty environment, so that nothing of ours is loaded into the tool.
[[noreturn]] void become_tool(const char* path, int input, int output) {
    raw_call(SYS_dup2, input, STDIN_FILENO);
    raw_call(SYS_dup2, output, STDOUT_FILENO);
    const char* arguments[] = {path, "--places", nullptr};
    const char* environment[] = {nullptr};
    raw_call(SYS_execve, to_arg(path), to_arg(arguments), to_arg(environment));
    raw_call(SYS_exit_group, 127);
    __builtin_unreachable();
}

void start_tool() {
    started = true;
    char path[PATH_MAX];
    int questions[2], answers[2];
    if (!find_tool(path, sizeof path) || raw_call(SYS_pipe2, to_arg(questions), O_CLOEXEC) != 0) return;
    if (raw_call(SYS_pipe2, to_arg(answers), O_CLOEXEC) != 0) return;
    long child = raw_call(SYS_clone, 0);  // as fork, but its end is no SIGCHLD
    if (child == 0) become_tool(path, questions[0], answers[1]);
    raw_call(SYS_close, questions[0]);
    raw_call(SYS_close, answers[1]);
    if (child > 0) {
        to_tool = questions[1];
        from_tool = answers[0];
    }
}

// False: no answer, or an empty one.
bool ask(char kind, uint64_t address, const char* file, char* text, size_t size) {
    if (!started) start_tool();
    char question[PATH_MAX + 64];
    int length = snprintf(question, sizeof question, "%c %lx %s\n", kind, address, file);
    if (to_tool < 0 || raw_call(SYS_write, to_tool, to_arg(question), length) != length) return false;
    size_t used = 0;
    char byte = 0;
    while (raw_call(SYS_read, from_tool, to_arg(&byte), 1) == 1 && byte != '\n') {
        if (used + 1 < size) text[used++] = byte;
    }
    text[used] = '\0';
    return used > 0 && byte == '\n';
}

}  // namespace

void name_of_code(Pc after, char* text, size_t size) {
    char file[PATH_MAX];
    uint64_t in_file = 0;
    if (!find_file(after - 1, file, sizeof file, in_file)) {
        snprintf(text, size, "%#lx", after);
    } else if (!ask('c', in_file, file, text, size)) {
        snprintf(text, size, "%s+%#lx", file, in_file);
    }
}

bool name_of_data(uint64_t address, char* text, size_t size) {
    char file[PATH_MAX];
    uint64_t in_file = 0;
    return find_file(address, file, sizeof file, in_file) && ask('d', in_file, file, text, size);
}

}  // namespace rondo::race
