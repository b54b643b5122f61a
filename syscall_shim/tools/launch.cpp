// SPDX-License-Identifier: Apache-2.0
//
// The shim lies beside the launcher in a build tree, and in the library directory next to bin when installed. It goes
// first in LD_PRELOAD: what the user preloads (an allocator, say) stays behind it. A marker in the environment
// keeps launchers further down the process tree from repeating the note.

#include "syscall_shim/tools/launch.h"

#include <sys/personality.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace rondo {

namespace {

using std::string;
using std::string_view;

constexpr char kShim[] = "librondo_shim.so";
constexpr char kRaceDetector[] = "librondo_race.so";
constexpr char kNoted[] = "_RONDO_NOTED";

// The first of the places below the launcher's folder where the file can be read; empty with a problem.
string find_library(const string& name, std::initializer_list<const char*> places, string& problem) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self);
    if (length <= 0 || length == sizeof self) {
        problem = "/proc/self/exe cannot be read, so " + name + " cannot be found";
        return {};
    }
    string own(self, static_cast<size_t>(length));
    string directory = own.substr(0, own.rfind('/'));
    for (const char* place : places) {
        string candidate = directory + place + name;
        if (access(candidate.c_str(), R_OK) == 0) {
            return candidate;
        }
    }
    problem = name + " is neither in " + directory + " nor in " + directory + "/../" RONDO_LIBDIR;
    return {};
}

string find_shim(string& problem) { return find_library(kShim, {"/", "/../" RONDO_LIBDIR "/", "/../lib/"}, problem); }

string find_race_detector(string& problem) {
    return find_library(kRaceDetector, {"/race/", "/../" RONDO_LIBDIR "/rondo/", "/../lib/rondo/"}, problem);
}

// RONDO_SCHED=seed:N or replay:FILE.
bool repeatable() {
    const char* schedule = getenv("RONDO_SCHED");
    return schedule != nullptr && (strncmp(schedule, "seed", 4) == 0 || strncmp(schedule, "replay", 6) == 0);
}

// Compiled with -fsanitize=thread.
bool wants_race_detector(const Program& program) {
    const auto& libraries = program.facts.libraries;
    return std::any_of(libraries.begin(), libraries.end(),
                       [](const string& library) { return library.starts_with("libtsan.so"); });
}

bool lists(string_view paths, string_view wanted) {
    while (!paths.empty()) {
        size_t end = std::min(paths.find_first_of(": "), paths.size());
        if (paths.substr(0, end) == wanted) {
            return true;
        }
        paths.remove_prefix(std::min(end + 1, paths.size()));
    }
    return false;
}

void prepend_preload(const string& shim) {
    const char* before = getenv("LD_PRELOAD");
    string list = before != nullptr ? before : "";
    if (!lists(list, shim)) {
        setenv("LD_PRELOAD", (list.empty() ? shim : shim + ":" + list).c_str(), 1);
    }
}

void print_note_once(const Program& program) {
    string note = thread_local_note(program);
    if (!note.empty() && getenv(kNoted) == nullptr) {
        fprintf(stderr, "rondo: %s\n", note.c_str());
        setenv(kNoted, "1", 1);
    }
}

}  // namespace

string thread_local_note(const Program& program) {
    if (!program.facts.thread_locals) {
        return {};
    }
    return program.binary +
           " has thread-local variables; they are shared by the threads of one worker (RONDO_TLS=worker)";
}

int launch(const Program& program, char** command, string& problem) {
    string shim = find_shim(problem);
    bool detects = repeatable() && wants_race_detector(program);
    string detector = detects && !shim.empty() ? find_race_detector(problem) : "";
    if (shim.empty() || (detects && detector.empty())) {
        return kCannotRun;
    }
    if (shim.find_first_of(": $") != string::npos) {
        problem = shim + ": LD_PRELOAD cannot name a path with a blank, ':' or '$'; move Rondo elsewhere";
        return kCannotRun;
    }
    prepend_preload(shim);
    if (detects) {
        prepend_preload(detector);  // before the shim, whose calls it watches
    }
    if (repeatable()) {
        personality(ADDR_NO_RANDOMIZE);  // equal addresses, in what the program prints, too
    }
    print_note_once(program);
    setenv("RONDO_INSPECT", "auto", 0);
    execv(program.path.c_str(), command);
    int error = errno;
    problem = program.path + ": " + strerror(error);
    return error == ENOENT ? kNotFound : kCannotRun;
}

}  // namespace rondo
