// SPDX-License-Identifier: Apache-2.0
//
// Three files tell: stat the state, syscall where the thread waits, schedstat its times. They are read one after
// the other, so they may disagree about a thread that changes meanwhile; the watchdog asks about threads that do not.

#include "runtime/system/kernel_thread.h"

#include "runtime/base/proc_file.h"
#include "runtime/base/text.h"

namespace rondo {

namespace {

using std::string_view;

constexpr size_t kPathSize = 64;

void path_of(int tid, const char* name, char (&path)[kPathSize]) {
    Text text(path, kPathSize);
    text << "/proc/self/task/" << static_cast<uint64_t>(tid) << "/" << name;
}

// "TID (NAME) STATE …"; the name may hold anything.
bool read_state(int tid, KernelThread& out) {
    char path[kPathSize];
    path_of(tid, "stat", path);
    ProcFile file(path);
    string_view line;
    size_t name_end = file.next_line(line) ? line.rfind(')') : string_view::npos;
    if (name_end == string_view::npos || name_end + 2 >= line.size()) {
        return false;
    }
    char state = line[name_end + 2];
    out.stopped = state == 'T' || state == 't';
    out.running = state == 'R';
    return true;
}

// "running", or "NUMBER ARGUMENTS… SP PC", or "-1 SP PC". A process that has changed its user may not read it.
void read_wait(int tid, KernelThread& out) {
    char path[kPathSize];
    path_of(tid, "syscall", path);
    ProcFile file(path);
    string_view line;
    string_view first_word = file.next_line(line) ? take_word(line) : string_view();
    out.running = first_word.empty() ? out.running : first_word == "running";
    if (out.running || first_word.empty()) {
        return;
    }
    out.system_call = first_word == "-1" ? -1 : static_cast<long>(to_number(first_word, 10));
    size_t last = line.rfind(' ');
    out.pc = last != string_view::npos ? to_number(string_view(line.data() + last + 1, line.size() - last - 1), 16) : 0;
}

// "RAN DELAYED SLICES", nanoseconds.
void read_times(int tid, KernelThread& out) {
    char path[kPathSize];
    path_of(tid, "schedstat", path);
    ProcFile file(path);
    string_view line;
    if (file.next_line(line)) {
        out.ran_ns = to_number(take_word(line), 10);
        out.delayed_ns = to_number(take_word(line), 10);
    }
}

}  // namespace

bool read_kernel_thread(int tid, KernelThread& out) {
    out = {};
    read_times(tid, out);
    if (!read_state(tid, out)) {
        return false;
    }
    read_wait(tid, out);
    return true;
}

}  // namespace rondo
