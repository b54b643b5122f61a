// SPDX-License-Identifier: Apache-2.0
//
// See unwinder.h. parent_of_tool and become_tool run in other processes on memory and thread-local data that are ours:
// they make raw system calls only, and no sanitizer may add anything to them.

#include "runtime/system/unwinder.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>

#include "runtime/base/proc_file.h"
#include "runtime/base/real.h"
#include "runtime/base/text.h"

namespace rondo {

namespace {

using std::string_view;

constexpr Nanoseconds kLimit = 10 * kSecond;  // reading a big program's debug information takes a second
constexpr string_view kCaptured = "captured\n";

// "KEYWORD REST\n" off the front; the rest.
string_view take_line(string_view& text, string_view keyword) {
    string_view line = take_word(text, '\n');
    text.remove_prefix(text.empty() ? 0 : 1);
    if (first(line, keyword.size()) != keyword) {
        return {};
    }
    line.remove_prefix(keyword.size());
    return line;
}

}  // namespace

void Unwinder::find_tool() { rondo::find_tool("rondo-unwind", path_); }

bool Unwinder::fail(string_view problem) {
    problem_ = problem;
    return false;
}

// A process of its own, invisible to the program's wait().
__attribute__((no_sanitize("address", "thread", "undefined"))) int Unwinder::parent_of_tool(void* unwinder) {
    auto* self = static_cast<Unwinder*>(unwinder);
    sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    long channel = sys::call(SYS_fcntl, self->tool_channel_, F_DUPFD, 3);
    for (long fd = 0; fd < 3; ++fd) {
        sys::call(SYS_dup2, channel, fd);
    }
    sys::call(SYS_close_range, 3, static_cast<long>(~0U), 0);
    char* stack = self->tool_stack_ + kChildStack;
    int tool = self->clone_(become_tool, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, self);
    sys::call(SYS_close, 0);
    sys::call(SYS_close, 1);
    sys::call(SYS_close, 2);
    if (tool > 0) {
        sys::call(SYS_wait4, tool, 0, __WALL, 0);
    }
    return 0;
}

// With an empty environment: the shim must not be preloaded into the tool.
__attribute__((no_sanitize("address", "thread", "undefined"))) int Unwinder::become_tool(void* unwinder) {
    auto* self = static_cast<Unwinder*>(unwinder);
    sys::call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    const char* arguments[] = {self->path_, nullptr};
    const char* environment[] = {nullptr};
    sys::call(SYS_execve, sys::to_arg(self->path_), sys::to_arg(arguments), sys::to_arg(environment));
    return 127;
}

bool Unwinder::start() {
    int pair[2];
    if (sys::call(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sys::to_arg(pair)) != 0) {
        return fail("no descriptor for rondo-unwind");
    }
    channel_ = pair[0];
    tool_channel_ = pair[1];
    clone_ = real::functions().clone;
    // What shares our memory must not run our signal handlers.
    uint64_t all = ~0ULL;
    uint64_t before = 0;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&all), sys::to_arg(&before), sizeof all);
    child_ = clone_(parent_of_tool, parent_stack_ + kChildStack, CLONE_VM, this);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&before), 0, sizeof before);
    sys::close(tool_channel_);
    return child_ > 0 || fail("rondo-unwind cannot be started");
}

// Starts the tool and sends the request; true as soon as it has said that it has looked.
bool Unwinder::begin(string_view request) {
    length_ = 0;
    child_ = -1;
    channel_ = -1;
    if (path_[0] == '\0') {
        return fail("rondo-unwind is not installed");
    }
    deadline_ = real_now_ns() + kLimit;
    if (!start()) {
        return false;
    }
    sys::call(SYS_prctl, PR_SET_PTRACER,
              child_);  // where Yama lets only ancestors trace; also for the child's children
    long sent = 1;
    while (!request.empty() && sent > 0) {
        sent = sys::call(SYS_sendto, channel_, sys::to_arg(request.data()), static_cast<long>(request.size()),
                         MSG_NOSIGNAL);
        request.remove_prefix(sent > 0 ? static_cast<size_t>(sent) : 0);
        sent = sent == -EINTR ? 1 : sent;
    }
    while (length_ < kCaptured.size()) {
        if (!read_some(deadline_)) {
            break;
        }
    }
    if (first({answer_, length_}, kCaptured.size()) == kCaptured) {
        return true;
    }
    string_view said(answer_, length_);
    return fail(length_ > 0 ? take_word(said, '\n') : "rondo-unwind does not answer");
}

bool Unwinder::capture(int tid) {
    char request[32];
    Text(request, sizeof request) << static_cast<uint64_t>(sys::getpid()) << " " << static_cast<uint64_t>(tid) << "\n";
    return begin(request);
}

bool Unwinder::ask(string_view request, char* room, size_t size) {
    answer_ = room;
    capacity_ = size;
    if (!begin(request)) {
        return false;
    }
    while (read_some(deadline_)) {
    }
    lines_ = {answer_, length_};
    lines_.remove_prefix(kCaptured.size());
    return true;
}

// False: the end, or too late.
bool Unwinder::read_some(Nanoseconds deadline) {
    Nanoseconds left = deadline - real_now_ns();
    pollfd wait{channel_, POLLIN, 0};
    if (left <= 0 || length_ == capacity_) {
        return false;
    }
    long ready = sys::call(SYS_poll, sys::to_arg(&wait), 1, static_cast<long>(left / kMillisecond) + 1);
    if (ready <= 0) {
        return ready == -EINTR;
    }
    long count = sys::read(channel_, answer_ + length_, capacity_ - length_);
    length_ += count > 0 ? static_cast<size_t>(count) : 0;
    return count > 0;
}

bool Unwinder::finish() {
    while (read_some(deadline_)) {
    }
    string_view text(answer_, length_);
    take_line(text, kCaptured);
    site_ = to_number(take_line(text, "site "), 16);
    doing_ = take_line(text, "doing ");
    lines_ = text;
    return !doing_.empty() || fail("rondo-unwind did not finish");
}

void Unwinder::end() {
    if (channel_ >= 0) {
        sys::close(channel_);
    }
    if (child_ > 0) {
        sys::call(SYS_kill, child_, SIGKILL);  // and by PR_SET_PDEATHSIG the tool
        while (sys::call(SYS_wait4, child_, 0, __WCLONE, 0) == -EINTR) {
        }
    }
}

}  // namespace rondo
