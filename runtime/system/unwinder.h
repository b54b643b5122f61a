// SPDX-License-Identifier: Apache-2.0
//
// Runs the tool rondo-unwind on one of this process's threads and reads its answer. Used on the watchdog's kernel
// thread, whose descriptors the tool's process inherits none of.
//
// The program must never see the tool as its child: no SIGCHLD, nothing for its wait(). A child that sends no signal at
// its end is invisible to wait(), but execve makes it an ordinary one; so the tool is started and waited for by such
// an invisible child, which shares our memory, runs a few system calls on a stack of its own and executes nothing.
//
// Rejected: a grandchild given away to process 1. In a container, that is often the program itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/base/clock.h"
#include "runtime/system/tools.h"

namespace rondo {

class Unwinder {
   public:
    // Looks for the tool where this library lies; to be called once.
    void find_tool();

    // Starts the tool and returns when it has looked at the thread. False: it could not; problem() says why.
    bool capture(int tid);

    // After a capture: reads the rest of the answer. False as above.
    bool finish();

    // Sends the lines of a request about parked threads (see the tool), of which the last is empty, and reads the whole
    // answer into `room`. False as above.
    bool ask(std::string_view request, char* room, size_t size);

    // Ends the tool, after which another capture may begin. Always needed after capture() and ask().
    void end();

    // Of the last answer; valid until the next capture.
    uint64_t site() const { return site_; }
    std::string_view doing() const { return doing_; }
    std::string_view lines() const { return lines_; }  // after ask(): all lines
    std::string_view problem() const { return problem_; }

   private:
    static constexpr size_t kChildStack = 16 * 1024;

    static int parent_of_tool(void* unwinder);
    static int become_tool(void* unwinder);
    bool fail(std::string_view problem);
    bool start();
    bool begin(std::string_view request);
    bool read_some(Nanoseconds deadline);

    char path_[kToolPathBytes] = {};
    std::string_view problem_;
    std::string_view doing_;
    std::string_view lines_;
    uint64_t site_ = 0;
    Nanoseconds deadline_ = 0;
    int channel_ = -1;       // our end
    int tool_channel_ = -1;  // the tool's standard input and output
    int child_ = -1;
    int (*clone_)(int (*)(void*), void*, int, void*, ...) = nullptr;
    char* answer_ = own_room_;
    size_t capacity_ = sizeof own_room_;
    size_t length_ = 0;
    char own_room_[16 * 1024];
    alignas(16) char parent_stack_[kChildStack];
    alignas(16) char tool_stack_[kChildStack];
};

}  // namespace rondo
