// SPDX-License-Identifier: Apache-2.0
//
// See trace_sites.h. rondo-unwind, which lies beside this program, answers all questions at once; it alone reads debug
// information, so that this program needs no library for that.

#include "syscall_shim/tools/trace_sites.h"

#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "syscall_shim/tools/schedule_run.h"

namespace rondo {

namespace {

using std::string;

constexpr size_t kMostAnswers = 16 << 20;

string tool_path() {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    string own(self, length > 0 ? static_cast<size_t>(length) : 0);
    return own.substr(0, own.rfind('/') + 1) + "rondo-unwind";
}

// Standard output for the questions; empty if it cannot be run.
string ask(const string& questions) {
    SharedText input("questions");
    SharedText output("answers");
    input.write(questions);
    string tool = tool_path();
    pid_t child = fork();
    if (child == 0) {
        bool ready = dup2(input.open_again(), STDIN_FILENO) == 0 && dup2(output.open_again(), STDOUT_FILENO) == 1;
        if (ready) {
            char* environment[] = {nullptr};  // LD_PRELOAD may name the shim
            execle(tool.c_str(), tool.c_str(), "--places", static_cast<char*>(nullptr), environment);
        }
        _exit(127);
    }
    int status = -1;
    bool good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    return good ? output.read(kMostAnswers) : string();
}

// Where the address stands in the line, and how long it is with "FILE+" before it; npos if there is none.
size_t find_address(const string& line, const string& mark) {
    size_t at = line.rfind(mark);
    return at == string::npos ? at : at + mark.size();
}

}  // namespace

void name_call_sites(const string& program, std::vector<string>& lines) {
    string mark = " at " + program.substr(program.rfind('/') + 1) + "+0x";
    string questions;
    for (const string& line : lines) {
        size_t at = find_address(line, mark);
        questions += at == string::npos ? "" : "c " + line.substr(at) + " " + program + "\n";
    }
    string answers = questions.empty() ? string() : ask(questions);
    size_t next = 0;
    for (string& line : lines) {
        size_t at = find_address(line, mark);
        size_t end = answers.find('\n', next);
        if (at == string::npos || end == string::npos) {
            continue;
        }
        string name = answers.substr(next, end - next);
        next = end + 1;
        line = name.empty() ? line : line.substr(0, at - mark.size()) + " in " + name;
    }
}

}  // namespace rondo
