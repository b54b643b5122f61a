// SPDX-License-Identifier: Apache-2.0
//
// Turns a captured thread into lines of text: call frames with function, file and line, by elfutils' libdw, which reads
// .eh_frame (so frame pointers are not needed), debug information and symbols of the process's files. It does not care
// on whose stack a thread runs, so a Rondo thread is unwound like any other.
//
// Rejected: libunwind's remote unwinder, which knows no lines; gdb, which takes a second to start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "syscall_shim/tools/thread_capture.h"

struct Dwfl;

namespace rondo {

struct Backtrace {
    uint64_t site = 0;  // address of the innermost frame that is neither libc's nor Rondo's; 0 if no frame is known
    std::string text;   // a line a frame
};

class Process {
   public:
    // Reads the process's map of files. Good only if ready().
    explicit Process(pid_t pid);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    bool ready() const { return dwfl_ != nullptr; }
    // Of one thread in the life of this object.
    Backtrace unwind(pid_t tid, const ThreadCapture& capture) const;

   private:
    pid_t pid_;
    Dwfl* dwfl_;
};

}  // namespace rondo
