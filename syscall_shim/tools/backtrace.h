// SPDX-License-Identifier: Apache-2.0
//
// Turns threads of a process into lines of text: call frames with function, file and line. A captured kernel thread is
// unwound from its registers and the copy of its stack; a parked Rondo thread from what its switch saved on its stack
// (runtime/core/saved_context.h), which is read from the process's memory while the process goes on. Parked threads
// with the same return addresses have the same stack, which is described once.
//
// Rejected: libunwind's remote unwinder, which knows no lines; gdb, which takes a second to start.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "syscall_shim/tools/places.h"
#include "syscall_shim/tools/stack_walk.h"
#include "syscall_shim/tools/thread_capture.h"

namespace rondo {

struct Backtrace {
    uint64_t site = 0;  // address of the innermost frame that is neither libc's nor Rondo's; 0 if no frame is known
    std::string place;  // the site as "function at file:line", past what system headers inline there; empty like site
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
    // Why the memory cannot be read, as an errno; 0 if it can.
    int problem() const { return problem_; }

    Backtrace unwind(const ThreadCapture& capture);

    // The number of the stack of the thread that was parked with its context there; -1 if it cannot be read.
    int add_parked(uint64_t context);
    // Those that were added, in the order of their first thread.
    const std::vector<Backtrace>& stacks() const { return stacks_; }

    std::string symbol(uint64_t address) const { return symbol_of(dwfl_, address); }

   private:
    const Place& place(uint64_t address);
    void add_lines(const Place& place, Backtrace& backtrace, size_t& number) const;
    Backtrace describe(const std::vector<Frame>& frames, Doing doing);

    pid_t pid_;
    Dwfl* dwfl_;
    StackWalk walk_;
    int problem_ = 0;
    std::unordered_map<uint64_t, Place> places_;
    std::map<std::vector<uint64_t>, int> numbers_;  // of stacks, by their return addresses
    std::vector<Backtrace> stacks_;
};

}  // namespace rondo
