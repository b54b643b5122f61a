// SPDX-License-Identifier: Apache-2.0
//
// See quit_report.h. The process is about to end, so a child that its wait() could see does no harm. A second SIGQUIT
// during the report ends the process at once. become_ps runs in another process on our memory: raw system calls only.

#include "runtime/system/quit_report.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>

#include "runtime/base/clock.h"
#include "runtime/base/real.h"
#include "runtime/base/text.h"
#include "runtime/system/diagnostics.h"
#include "runtime/system/signal_actions.h"
#include "runtime/system/tools.h"

namespace rondo {

namespace {

constexpr size_t kChildStack = 16 * 1024;
constexpr int kStandardError = 2;
constexpr Nanoseconds kPause = 5 * kMillisecond;
constexpr int kPauses = 3000;

std::atomic<bool> reporting{false};
char tool[kToolPathBytes];
char process[24];
alignas(16) char child_stack[kChildStack];

__attribute__((no_sanitize("address", "thread", "undefined"))) int become_ps(void*) {
    sys::call(SYS_dup2, kStandardError, 0);
    sys::call(SYS_dup2, kStandardError, 1);
    sys::call(SYS_close_range, kStandardError + 1, static_cast<long>(~0U), 0);
    const char* arguments[] = {tool, "ps", process, nullptr};
    const char* environment[] = {nullptr};
    sys::call(SYS_execve, sys::to_arg(tool), sys::to_arg(arguments), sys::to_arg(environment));
    return 127;
}

// Whether it ended well, in time.
bool await(int child) {
    for (int i = 0; i < kPauses; ++i) {
        int status = 0;
        long found = sys::call(SYS_wait4, child, sys::to_arg(&status), WNOHANG | __WALL, 0);
        if (found != 0) {
            return found == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        timespec pause = to_timespec(kPause);
        sys::call(SYS_nanosleep, sys::to_arg(&pause), 0);
    }
    sys::call(SYS_kill, child, SIGKILL);
    return false;
}

void report() {
    if (reporting.exchange(true)) {
        return;
    }
    Text(process, sizeof process) << static_cast<uint64_t>(sys::getpid());
    bool found = find_tool("rondo", tool);
    int child =
        found ? real::functions().clone(become_ps, child_stack + kChildStack, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr)
              : -1;
    if (child <= 0 || !await(child)) {
        dump_threads(kStandardError);
    }
}

}  // namespace

void start_quit_report() {
    reporting.store(false);
    report_before_quit(report);
}

}  // namespace rondo
