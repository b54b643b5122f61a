// SPDX-License-Identifier: Apache-2.0
//
// The main function of every doctest executable: runs the cases, reports each to the runner, watches for a
// hang, and fails the run if anything of the runtime's is left alive at the end.
//
// Hang. A timer of the process (RONDO_TEST_TIMEOUT seconds, 90 if unset) and the runner both raise SIGQUIT.
// The handler writes Rondo's own dump, then makes each kernel thread write its stack; when the timer raised
// it, it aborts, else the runner kills. It runs on whatever stack was interrupted and calls nothing that
// locks. Crash. The stack of the crashing thread is written, and the signal then takes its course. A
// sanitizer does that itself. End. Detached threads may still be ending after the last case, so the counts
// are awaited for some seconds. The main thread itself is the one live thread allowed; it runs on its own
// stack, so no stack is.
#define DOCTEST_CONFIG_IMPLEMENT
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <execinfo.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include <atomic>

#include "support/report.h"
#include "support/test.h"

namespace rondo_test {

std::string skip_reason;

namespace {

std::atomic<bool> dumping{false};

struct LinuxDirent {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

void write_text(const char* text) { [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text, strlen(text)); }

void copy_file(const char* directory, const char* task, const char* file) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s/%s", directory, task, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    char text[512];
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return;
    text[n] = '\0';
    write_text(text);
    if (text[n - 1] != '\n') write_text("\n");
}

void dump_task(const char* directory, const char* task) {
    pid_t id = atoi(task);
    if (id == 0) return;
    write_text("--- kernel thread ");
    write_text(task);
    write_text("\n");
    copy_file(directory, task, "comm");
    copy_file(directory, task, "wchan");
    copy_file(directory, task, "syscall");
    if (id == static_cast<pid_t>(syscall(SYS_gettid))) return;
    syscall(SYS_tgkill, getpid(), id, SIGQUIT);
    timespec grace{0, 100000000};
    syscall(SYS_nanosleep, &grace, nullptr);
}

void dump_kernel_threads() {
    constexpr const char* kTasks = "/proc/self/task";
    int directory = open(kTasks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return;
    alignas(LinuxDirent) char entries[4096];
    long bytes = syscall(SYS_getdents64, directory, entries, sizeof entries);
    for (long at = 0; at < bytes;) {
        const auto* entry = reinterpret_cast<const LinuxDirent*>(entries + at);
        dump_task(kTasks, entry->name);
        at += entry->length;
    }
    close(directory);
}

void on_quit(int, siginfo_t* info, void*) {
    int saved_errno = errno;
    void* frames[64];
    bool leader = !dumping.exchange(true);
    if (leader) {
        write_text("\n=== threads of the runtime\n");
        rondo_dump(STDERR_FILENO);
        write_text("=== kernel threads\n");
    }
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    if (leader) {
        dump_kernel_threads();
        if (info->si_code == SI_TIMER) abort();
        dumping = false;
    }
    errno = saved_errno;
}

void on_crash(int signal) {
    void* frames[64];
    write_text(signal == SIGABRT ? "\n=== aborted\n" : "\n=== crashed\n");
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    raise(signal);
}

void install_handlers() {
    void* frame[1];
    backtrace(frame, 1);
    struct sigaction quit {};
    quit.sa_sigaction = on_quit;
    quit.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGQUIT, &quit, nullptr);
    struct sigaction crash {};
    crash.sa_handler = on_crash;
    crash.sa_flags = static_cast<int>(SA_RESETHAND | SA_ONSTACK);
    for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
        if (!kSanitized) sigaction(signal, &crash, nullptr);
    }
}

void watch_for_hang() {
    const char* limit = getenv("RONDO_TEST_TIMEOUT");
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGQUIT;
    timer_t timer{};
    itimerspec when{};
    when.it_value.tv_sec = limit != nullptr ? atol(limit) : 90;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) timer_settime(timer, 0, &when, nullptr);
}

bool all_ended(rondo_stats* stats) {
    rondo_get_stats(stats);
    return stats->live_threads <= 1 && stats->live_stacks == 0 && stats->armed_timers == 0 && stats->pending_io == 0;
}

bool nothing_left() {
    rondo_stats stats{};
    if (rondo_started() == 0) return true;
    if (wait_until([&stats] { return all_ended(&stats); }, 5000)) return true;
    fprintf(stderr, "left at the end: %lu threads, %lu stacks, %lu timers, %lu operations\n", stats.live_threads,
            stats.live_stacks, stats.armed_timers, stats.pending_io);
    rondo_dump(STDERR_FILENO);
    return false;
}

// Tells the runner of each case.
struct Reporter : doctest::IReporter {
    explicit Reporter(const doctest::ContextOptions&) {}
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_run_end(const doctest::TestRunStats&) override {}
    void test_case_start(const doctest::TestCaseData& data) override {
        name_ = data.m_name;
        skip_reason.clear();
        report("begin", name_);
    }
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
        if (!stats.testCaseSuccess) {
            report("fail", name_);
        } else if (skip_reason.empty()) {
            report("pass", name_);
        } else {
            report("skip", name_ + ": " + skip_reason);
            printf("SKIP %s: %s\n", name_.c_str(), skip_reason.c_str());
        }
    }
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}

   private:
    std::string name_;
};

}  // namespace

void skip(const char* reason) { skip_reason = reason; }

void report(const char* event, const std::string& name) {
    const char* path = getenv("RONDO_TEST_REPORT");
    if (path == nullptr) return;
    std::string line = std::string(event) + " " + name + "\n";
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    [[maybe_unused]] ssize_t written = write(fd, line.data(), line.size());
    close(fd);
}

}  // namespace rondo_test

REGISTER_LISTENER("runner", 1, rondo_test::Reporter);

int main(int argc, char** argv) {
    rondo_test::install_handlers();
    rondo_test::watch_for_hang();
    doctest::Context context(argc, argv);
    int status = context.run();
    if (!rondo_test::nothing_left()) {
        rondo_test::report("fail", "teardown: nothing is left alive");
        status = 1;
    }
    return status;
}
