# SPDX-License-Identifier: Apache-2.0
"""Runs the tests that meson knows of one or more build directories, and counts their cases.

Usage: run_tests.py [--quick] [--preload LIBRARY] [--filter NAME] BUILD_DIR...
       run_tests.py --quick-targets BUILD_DIR

Suites (tests/meson.build): unit tests run once; api tests once for each I/O backend and worker count; python tests
once. Two processes run at a time; those marked exclusive run alone at the end. A case is counted once for each configuration.

With --quick four run at a time, for what is left then mostly waits. The python tests begin before the programs of the other
suites are built: the compiler has what processor time they leave.

Of a process that exceeds its time, `rondo ps` and `rondo stacks` show what the threads wait for, and so of the processes that
it started, where these have an inspector. Then it gets SIGQUIT, on which it writes where its kernel threads are, and SIGKILL
two seconds later; it is reported as HUNG with its output. A crash or a hang fails the case that was running.

Each further directory (the sanitizers') must execute at least 95 % of the cases that the first one executed, by name.
The last line is "N passed, N failed, N skipped", alone, over all directories.
"""
import argparse
import concurrent.futures
import fnmatch
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

JOBS = 2
QUICK_JOBS = 4
ONLY_FOR_SLOW_TESTS_AND_BENCHMARKS = ("bench/bench_*", "bench/*_epoll", "bench/echo_libevent", "bench/libtwin_core.a",
                                      "bench/proactor", "bench/reactor", "bench/staged", "tests/knot/attackers",
                                      "tests/explore/*", "tests/stress/*")
IO_BACKENDS = ("epoll",)
WORKER_COUNTS = ("1", "2", "4")
SANITIZED_TIME_FACTOR = 3
LOOK_SECONDS = 10
QUIT_GRACE_SECONDS = 2
WATCHDOG_MARGIN_SECONDS = 5
LEAST_SHARE = 0.95
FRAME = re.compile(r"^(/\S+)\(\+(0x[0-9a-f]+)\)\[")
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:verify_asan_link_order=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1:atexit_sleep_ms=50",
}


class Run:
    """One test executable in one configuration, and what became of its cases."""

    def __init__(self, test, config, filter_cases, launcher):
        self.test = test
        self.launcher = launcher
        self.name = test["name"]
        self.suites = suites_of(test)
        self.config = config
        self.command = list(test["cmd"])
        if filter_cases and "python" in self.suites:
            self.command += ["-k", filter_cases]
        elif filter_cases:
            self.command += [f"--test-case=*{filter_cases}*"]
        self.passed, self.failed, self.skipped = [], [], []
        self.output = ""
        self.seconds = 0.0

    @property
    def title(self):
        return " ".join([self.name] + [f"{key}={value}" for key, value in self.config.items()])

    def executed(self):
        return {f"{self.title} / {case}" for case in self.passed + self.failed}

    def read_report(self, path):
        running = None
        if not os.path.exists(path):
            return running
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                event, _, rest = line.rstrip("\n").partition(" ")
                if event == "begin":
                    running = rest
                    continue
                running = None
                {"pass": self.passed, "fail": self.failed, "skip": self.skipped}[event].append(rest)
        return running

    def execute(self, environment, time_factor):
        limit = self.test["timeout"] * time_factor
        with tempfile.TemporaryDirectory(prefix="rondo-test-") as directory:
            report = os.path.join(directory, "report")
            log_path = os.path.join(directory, "log")
            env = {"RONDO_INSPECT": "auto", **environment, **self.test["env"], **self.config, "RONDO_TEST_REPORT": report,
                   "RONDO_TEST_TIMEOUT": str(limit + WATCHDOG_MARGIN_SECONDS)}
            begin = time.monotonic()
            with open(log_path, "wb") as log:
                try:
                    hung, status = run_process(self.command, env, log, limit, self.launcher)
                except OSError as error:
                    hung, status = False, str(error)
            self.seconds = time.monotonic() - begin
            running = self.read_report(report)
            with open(log_path, encoding="utf-8", errors="replace") as log:
                self.output = log.read()
        self.judge(hung, status, running, limit)
        return self

    def name_frames(self):
        """Adds function, file and line to the output's stack frames."""
        lines = self.output.splitlines()
        for index, line in enumerate(lines):
            frame = FRAME.match(line)
            if frame:
                done = subprocess.run(["addr2line", "-fpCse", frame[1], frame[2]], capture_output=True, text=True,
                                      check=False)
                lines[index] = f"  {done.stdout.strip() or line}"
        self.output = "\n".join(lines) + "\n"

    def judge(self, hung, status, running, limit):
        crashed = isinstance(status, int) and status < 0
        if hung or crashed:
            self.name_frames()
        where = running or "(outside of any case)"
        if hung:
            self.failed.append(where)
            self.output += f"\nHUNG after {limit} s in: {where}\n"
        elif running or (status != 0 and not self.failed):
            self.failed.append(where)
            how = f"signal {-status}" if crashed else f"status {status}"
            self.output += f"\nENDED with {how} in: {where}\n"


def session_of(leader):
    """The numbers of the processes of its session, the leader first."""
    found = [leader]
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and int(entry) != leader and os.getsid(int(entry)) == leader:
                found.append(int(entry))
        except ProcessLookupError:
            pass
    return found


def look_inside(leader, launcher, log):
    """Writes what the threads of the session's processes do, as far as the launcher is built and they have an inspector."""
    for pid in session_of(leader):
        for command in ("ps", "stacks"):
            try:
                done = subprocess.run([launcher, command, str(pid)], stdin=subprocess.DEVNULL, capture_output=True,
                                      timeout=LOOK_SECONDS, check=False)
            except (OSError, subprocess.TimeoutExpired):
                return
            if done.returncode == 0:
                log.write(f"\n=== rondo {command} {pid}\n".encode() + done.stdout + done.stderr)
                log.flush()


def run_process(command, env, log, limit, launcher):
    """Returns (hung, status). Nothing of the process's group outlives the call."""
    process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                               start_new_session=True)
    hung = False
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        hung = True
        look_inside(process.pid, launcher, log)
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(QUIT_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return hung, process.wait()


def introspect(build, what):
    text = subprocess.run(["meson", "introspect", f"--{what}", build], check=True, capture_output=True, text=True)
    return json.loads(text.stdout)


def quick_targets(build):
    """What ninja has to build for the python tests that --quick leaves."""
    root = os.path.realpath(build)
    files = [os.path.relpath(file, root) for target in introspect(build, "targets") if target["build_by_default"]
             for file in target["filename"]]
    later = set(compiled_tests(build))
    return [file for file in files if file not in later
            and not any(fnmatch.fnmatch(file, pattern) for pattern in ONLY_FOR_SLOW_TESTS_AND_BENCHMARKS)]


def compiled_tests(build):
    """The programs that are tests themselves."""
    root = os.path.realpath(build)
    return [os.path.relpath(test["cmd"][0], root) for test in introspect(build, "tests") if "python" not in suites_of(test)]


def suites_of(test):
    return {suite.split(":")[-1] for suite in test["suite"]}


class BackgroundBuild:
    """Builds programs beside what runs, with the processor time that it leaves. Without programs there is nothing to wait for."""

    def __init__(self, build, programs):
        command = ["nice", "-n", "19", "ninja", "--quiet", "-C", build, *programs]
        self.process = subprocess.Popen(command) if programs else None

    def wait(self):
        if self.process and self.process.wait() != 0:
            raise SystemExit("the tests could not be built")


def configurations(suites):
    if "api" not in suites:
        return [{}]
    return [{"RONDO_IO": io, "RONDO_WORKERS": workers}
            for io, workers in itertools.product(IO_BACKENDS, WORKER_COUNTS)]


def plan(build, options):
    launcher = os.path.join(build, "syscall_shim", "rondo")
    tests = introspect(build, "tests")
    tests = [test for test in tests if not (options.quick and "slow" in suites_of(test))]
    filter_cases = None
    if options.filter:
        matching = [test for test in tests if options.filter in test["name"]]
        filter_cases = None if matching else options.filter
        tests = matching or tests
    runs = []
    for test in tests:
        runs += [Run(test, config, filter_cases, launcher) for config in configurations(suites_of(test))]
    return runs


def show(run):
    verdict = "FAIL" if run.failed else "ok"
    if not (run.passed or run.failed or run.skipped):
        return
    print(f"{verdict:4} {run.title}: {len(run.passed)} passed, {run.seconds:.1f} s", flush=True)
    if run.failed:
        print(run.output)
        for case in run.failed:
            print(f"  failed: {case}")
    for case in run.skipped:
        print(f"  skipped: {case}")


def execute_all(runs, environment, time_factor, jobs_at_a_time, programs):
    def execute(run):
        if "python" not in run.suites:
            programs.wait()
        return run.execute(environment, time_factor)

    shared = [run for run in runs if "exclusive" not in run.suites]
    alone = [run for run in runs if "exclusive" in run.suites]
    if programs.process:
        shared.sort(key=lambda run: ("python" not in run.suites, -run.test["timeout"]))
    else:
        shared.sort(key=lambda run: (-run.test["timeout"], "python" not in run.suites))
    for group, jobs in ((shared, jobs_at_a_time), (alone, 1)):
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            pending = [pool.submit(execute, run) for run in group]
            for future in concurrent.futures.as_completed(pending):
                show(future.result())


def run_build(build, options):
    """Runs one build directory's tests; returns the runs."""
    sanitize = next(o["value"] for o in introspect(build, "buildoptions") if o["name"] == "b_sanitize")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RONDO_")}
    environment["RONDO_TEST_SANITIZE"] = sanitize
    for key, value in SANITIZER_ENV.items():
        environment.setdefault(key, value)
    if options.preload:
        environment["LD_PRELOAD"] = options.preload
    print(f"--- {os.path.basename(os.path.abspath(build))}: sanitize={sanitize}", flush=True)
    runs = plan(build, options)
    time_factor = 1 if sanitize == "none" else SANITIZED_TIME_FACTOR
    programs = BackgroundBuild(build, compiled_tests(build) if options.quick else [])
    execute_all(runs, environment, time_factor, QUICK_JOBS if options.quick and sanitize == "none" else JOBS, programs)
    return runs


def executed(runs):
    return set().union(*(run.executed() for run in runs))


def executes_enough(expected, runs):
    """Whether these runs executed enough of the expected cases; says what is missing if not."""
    missing = sorted(expected - executed(runs))
    share = 1 - len(missing) / max(len(expected), 1)
    print(f"executed {100 * share:.1f} % of the first build's {len(expected)} cases")
    if share < LEAST_SHARE:
        print(f"FAIL: under {100 * LEAST_SHARE:.0f} %; not executed:\n  " + "\n  ".join(missing))
    return share >= LEAST_SHARE


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the tests marked slow")
    parser.add_argument("--quick-targets", action="store_true", help="print what has to be built before --quick, and end")
    parser.add_argument("--preload", help="a library to run every test under")
    parser.add_argument("--filter", help="part of a test's name, or of a case's if no test has it")
    parser.add_argument("builds", nargs="+", metavar="BUILD_DIR")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.quick_targets:
        print(*quick_targets(options.builds[0]))
        return 0
    all_runs, failed, expected = [], 0, None
    for build in options.builds:
        runs = run_build(build, options)
        all_runs += runs
        if expected is None:
            expected = executed(runs)
        elif not executes_enough(expected, runs):
            failed += 1
    passed = sum(len(run.passed) for run in all_runs)
    failed += sum(len(run.failed) for run in all_runs)
    skipped = sum(len(run.skipped) for run in all_runs)
    if passed + failed == 0:
        print("no test matches")
        failed = 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
