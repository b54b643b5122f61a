# SPDX-License-Identifier: Apache-2.0
"""The object code of what runs in our signal handlers, in the thread sanitizer's build.

Those handlers may interrupt the sanitizer's own run-time, which is not reentrant, so nothing they run before they put a
signal off may call it (runtime/system/signal_entry.cpp). The sources cannot show that: whether an inline function of a
header is inlined, or left as a function of which the linker keeps an instrumented one, is the compiler's choice.
"""
import glob
import os
import re
import subprocess
import unittest

BUILD = os.environ["RONDO_TEST_BUILD_DIR"]
SANITIZER = os.environ.get("RONDO_TEST_SANITIZE", "none")

# What the entry calls of other files: only where the program's code was interrupted, or outside of handlers.
AFTER_THE_DEFERRAL = {
    "rondo::accept_process_signal", "rondo::act_by_default", "rondo::program_action", "rondo::reset_if_one_shot",
    "rondo::run_due_signals", "rondo::run_handler",
}
# What a fault of the thread's own brings, or SIGQUIT.
BEFORE_THE_END = {"rondo::let_fault_end_process", "rondo::overflow_line", "rondo::quit_ends_process"}
OUTSIDE = {
    "rondo::could_fail_with_eintr", "rondo::install_own_signal", "rondo::own_signal", "rondo::real::functions",
    "rondo::set_signal_hooks", "rondo::take_over_actions", "rondo::worker_at",
}
DATA = {"rondo::adopted_fiber", "rondo::self_", "_GLOBAL_OFFSET_TABLE_"}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def handler_objects():
    return sorted(glob.glob(os.path.join(BUILD, "runtime", "librondo_handlers.a.p", "*.o")))


def symbols(path):
    """Pairs of type and name, as nm has them, without the parameters."""
    lines = run("nm", "-C", path).splitlines()
    return [(kind, re.sub(r"\(.*", "", name)) for kind, name in
            (re.match(r"[0-9a-f ]{16} (\w) (.*)", line).groups() for line in lines)]


@unittest.skipUnless(SANITIZER == "thread", "only the thread sanitizer's run-time must not be entered")
class HandlerCode(unittest.TestCase):
    def test_nothing_is_instrumented(self):
        self.assertEqual(3, len(handler_objects()))
        for path in handler_objects():
            called = {name for _, name in symbols(path) if name.startswith("__tsan_")}
            self.assertLessEqual(called, {"__tsan_acquire"}, path)  # whose address tells where the library lies

    def test_no_function_is_left_to_the_linkers_choice(self):
        for path in handler_objects():
            weak = [name for kind, name in symbols(path) if kind in "Ww"]
            self.assertEqual([], weak, path)

    def test_the_entry_calls_only_what_is_known(self):
        path = next(path for path in handler_objects() if "signal_entry" in path)
        own = {name for other in handler_objects() for kind, name in symbols(other) if kind == "T"}
        called = {name for kind, name in symbols(path) if kind == "U"}
        self.assertEqual(set(), called - own - DATA - AFTER_THE_DEFERRAL - BEFORE_THE_END - OUTSIDE)

    def test_waking_the_loop_is_not_instrumented(self):
        text = run("objdump", "-dC", "--no-show-raw-insn", os.path.join(BUILD, "runtime", "librondo.so"))
        body = re.search(r"<rondo::EpollBackend::wake\(\)>:\n(.*?)\n\n", text, re.DOTALL)
        self.assertIsNotNone(body)
        self.assertIn("syscall", body[1])
        self.assertNotRegex(body[1], r"\bcall\b")
