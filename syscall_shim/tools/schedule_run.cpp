// SPDX-License-Identifier: Apache-2.0
//
// See schedule_run.h. The child leads a process group, so that what it has started ends with it.

#include "syscall_shim/tools/schedule_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "syscall_shim/tools/launch.h"

namespace rondo {

namespace {

constexpr size_t kMostOutput = 1 << 20;
constexpr int kLastWordsMs = 500;
constexpr size_t kMostTrace = 64 << 20;

int64_t now_ms() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void end_with_parent(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(kCannotRun);
    }
}

}  // namespace

SharedText::SharedText(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {
    if (fd_ < 0) {
        perror("rondo: memfd_create");
        exit(1);
    }
    path_ = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_);
}

SharedText::~SharedText() { close(fd_); }

int SharedText::open_again() const { return open(path_.c_str(), O_RDWR | O_APPEND | O_CLOEXEC); }

void SharedText::write(const std::string& text) {
    if (ftruncate(fd_, 0) != 0 || pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
        perror("rondo: no memory for a schedule");
        exit(1);
    }
}

std::string SharedText::read(size_t most) const {
    struct stat status;
    fstat(fd_, &status);
    size_t size = static_cast<size_t>(status.st_size);
    std::string text(std::min(size, most), '\0');
    ssize_t count = pread(fd_, text.data(), text.size(), static_cast<off_t>(size - text.size()));
    text.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return text;
}

ScheduleRun::ScheduleRun(const Program& program, char** command, uint64_t choices)
    : program_(program), command_(command), limit_(std::to_string(choices)) {}

void ScheduleRun::become_program(const std::string& schedule, bool traced) {
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(output_.open_again(), STDOUT_FILENO);
    dup2(errors_.open_again(), STDERR_FILENO);
    close(nothing);
    rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    setenv("RONDO_SCHED", schedule.c_str(), 1);
    if (traced) {
        setenv("RONDO_TRACE", trace_.path().c_str(), 1);
    } else {
        unsetenv("RONDO_TRACE");
    }
    unsetenv("RONDO_WORKERS");  // there is one
    setenv("RONDO_CHOICES", limit_.c_str(), 1);
    setenv("RONDO_DEADLOCK", "abort", 1);
    std::string problem;
    int status = launch(program_, command_, problem);
    fprintf(stderr, "rondo: %s\n", problem.c_str());
    _exit(status);
}

bool ScheduleRun::start(const std::string& schedule, bool traced, uint64_t timeout_s) {
    trace_.write("");
    output_.write("");
    errors_.write("");
    deadline_ms_ = now_ms() + static_cast<int64_t>(timeout_s) * 1000;
    fflush(nullptr);
    pid_t explorer = getpid();
    pid_ = fork();
    if (pid_ == 0) {
        end_with_parent(explorer);
        become_program(schedule, traced);
    }
    process_fd_ = pid_ > 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)) : -1;
    return pid_ > 0;
}

Outcome ScheduleRun::run(const std::string& schedule, bool traced, uint64_t timeout_s) {
    if (!start(schedule, traced, timeout_s)) {
        return {};
    }
    pollfd end{process_fd_, POLLIN, 0};
    while (!over()) {
        poll(&end, 1, time_left());
    }
    return finish();
}

Outcome ScheduleRun::replay(const std::string& trace, bool traced, uint64_t timeout_s) {
    schedule_.write(trace);
    return run("replay:" + schedule_.path(), traced, timeout_s);
}

int ScheduleRun::time_left() const { return static_cast<int>(std::max<int64_t>(deadline_ms_ - now_ms(), 0)); }

bool ScheduleRun::over() const {
    pollfd end{process_fd_, POLLIN, 0};
    return time_left() == 0 || poll(&end, 1, 0) == 1;
}

Outcome ScheduleRun::finish() {
    pollfd wait{process_fd_, POLLIN, 0};
    bool ended = poll(&wait, 1, 0) == 1;
    if (!ended) {
        kill(pid_, SIGQUIT);  // a Rondo program says what its threads do
        poll(&wait, 1, kLastWordsMs);
    }
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    close(process_fd_);
    pid_ = -1;
    Outcome outcome;
    outcome.ending = !ended ? Ending::timeout : WIFSIGNALED(status) ? Ending::signal : Ending::status;
    outcome.number = !ended ? 0 : WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    outcome.output = output_.read(kMostOutput);
    outcome.errors = errors_.read(kMostOutput);
    outcome.trace = trace_.read(kMostTrace);
    return outcome;
}

}  // namespace rondo
