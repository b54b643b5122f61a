// SPDX-License-Identifier: Apache-2.0
//
// One run of a program under one schedule, in a process of its own: no terminal, its output kept, without random
// addresses, ended with all its children when its time is over.
//
// What a run reads and writes (schedule, trace, output) lies in memory files that it opens as /proc/PID/fd/N of the
// explorer, so that nothing is left behind whatever ends either of them. Rejected: files in /tmp.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "syscall_shim/tools/program.h"

namespace rondo {

enum class Ending { status, signal, timeout, not_started };

struct Outcome {
    Ending ending = Ending::not_started;
    int number = 0;      // the exit status or the signal
    std::string output;  // standard output
    std::string errors;  // standard error
    std::string trace;
};

// A memory file that a child process can open by name.
class SharedText {
   public:
    explicit SharedText(const char* name);
    ~SharedText();
    SharedText(const SharedText&) = delete;
    SharedText& operator=(const SharedText&) = delete;

    const std::string& path() const { return path_; }
    // A descriptor of its own, at the beginning, to read and append.
    int open_again() const;
    void write(const std::string& text);
    // At most the last `most` bytes.
    std::string read(size_t most) const;

   private:
    int fd_;
    std::string path_;
};

class ScheduleRun {
   public:
    // choices: a run with more never ends.
    ScheduleRun(const Program& program, char** command, uint64_t choices);

    // Starts the process: `schedule` is the value of RONDO_SCHED. Whether it writes its choices down, which takes time.
    bool start(const std::string& schedule, bool traced, uint64_t timeout_s);
    // A whole run.
    Outcome run(const std::string& schedule, bool traced, uint64_t timeout_s);
    Outcome replay(const std::string& trace, bool traced, uint64_t timeout_s);
    bool running() const { return pid_ > 0; }
    int process_fd() const { return process_fd_; }
    // Milliseconds until its time is over, 0 if it is.
    int time_left() const;
    // It has ended, or its time has.
    bool over() const;
    // After it has ended or its time is over: ends what is left of it.
    Outcome finish();

   private:
    [[noreturn]] void become_program(const std::string& schedule, bool traced);

    const Program& program_;
    char** command_;
    std::string limit_;
    SharedText schedule_{"schedule"};
    SharedText trace_{"trace"};
    SharedText output_{"output"};
    SharedText errors_{"errors"};
    pid_t pid_ = -1;
    int process_fd_ = -1;
    int64_t deadline_ms_ = 0;
};

}  // namespace rondo
