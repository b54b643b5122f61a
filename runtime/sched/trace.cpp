// SPDX-License-Identifier: Apache-2.0
//
// See trace.h. A name is the program's own text: what cannot be printed becomes a question mark.

#include "runtime/sched/trace.h"

#include "runtime/base/print.h"
#include "runtime/core/fiber.h"

namespace rondo {

namespace {

void add_name(Line& line, const char* name) {
    line << " \"";
    for (; *name != '\0'; ++name) {
        line << (*name >= ' ' && *name < 127 ? *name : '?');
    }
    line << '"';
}

}  // namespace

void Trace::begin(uint64_t seed, bool faults, bool replay) const {
    if (fd_ < 0) {
        return;
    }
    sys::call(SYS_ftruncate, fd_, 0);
    sys::call(SYS_lseek, fd_, 0, SEEK_SET);
    Line line;
    line << "rondo-trace 1 ";
    if (replay) {
        line << "replay";
    } else {
        line << "seed:" << seed << (faults ? ",faults" : "");
    }
    line.send(fd_);
}

void Trace::note(const Choice& choice, const Fiber* fiber) const {
    if (fd_ < 0) {
        return;
    }
    Line line;
    line << choice.number << ' ' << choice_name(choice.kind) << ' ' << choice.answer << "  #";
    if (fiber != nullptr) {
        line << " thread " << fiber->id;
        if (fiber->rest->name[0] != '\0') {
            add_name(line, fiber->rest->name);
        }
    }
    if (choice.call[0] != '\0') {
        line << (fiber != nullptr ? ", " : " ") << choice.call;
        if (add_site_ != nullptr && fiber != nullptr) {
            add_site_(line);
        }
    }
    line.send(fd_);
}

}  // namespace rondo
