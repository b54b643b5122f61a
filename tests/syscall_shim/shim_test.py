# SPDX-License-Identifier: Apache-2.0
"""The shim: plain POSIX programs behave under `rondo` as they do natively, and its list of symbols is true.

The programs (programs/) check themselves and print the parts they pass; each runs natively once and under rondo with each
number of workers, and must end with the same status and output. The symbol tests hold four lists together: symbols.def, the
table of docs/shim.md, what librondo_shim.so exports, and what libc has.
"""
import collections
import os
import re
import subprocess
import unittest

import programs

DEFINITIONS = programs.SOURCE / "syscall_shim" / "symbols.def"
PAGE = programs.SOURCE / "docs" / "shim.md"
BINARIES = programs.BUILD / "tests" / "syscall_shim"
SYMBOL = re.compile(r"^RONDO_SYMBOL\((\w+), (\w+), (\w+)\)$", re.MULTILINE)
LEFT_TO_LIBC = re.compile(r"^RONDO_LIBC\((\w+), (\w+)\)$", re.MULTILINE)
TABLE_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (\w+) \|$", re.MULTILINE)
DISPOSITIONS = {"parks", "offloads", "passes", "refused"}
# By its name, libc's symbol takes a thread or an object of synchronisation.
TAKES_THREAD_OR_OBJECT = re.compile(r"_*(pthread|thrd|mtx|cnd|tss|sem)_|call_once$")
RUNTIME_LIBRARIES = {"librondo.so.0", "libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"}
ONLY_FRAME_DUMMY = 8


def tool(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True, timeout=30).stdout


def interposed():
    return {name: (family, disposition) for name, family, disposition in SYMBOL.findall(DEFINITIONS.read_text())}


def left_to_libc():
    return {name: (family, "libc") for name, family in LEFT_TO_LIBC.findall(DEFINITIONS.read_text())}


def libc_path():
    """The libc that this process, and so any program here, has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(path for path in (line.split()[-1] for line in maps) if re.search(r"/libc[.-].*so", path))


def libc_functions():
    """Names of libc's exported functions by address."""
    by_address = collections.defaultdict(set)
    for line in tool("nm", "-D", "--defined-only", libc_path()).splitlines():
        address, kind, name = line.split()
        if kind in "TtWwi":
            by_address[address].add(name.split("@")[0])
    return by_address


NO_THREADS_AFTER_FORK = "libtsan makes no threads in a forked child"


class Comparison(unittest.TestCase):
    maxDiff = None

    def outcome(self, name, args, native, settings=None):
        done = programs.run(BINARIES / name, *args, native=native, settings=settings, timeout=60)
        return done.returncode, done.stdout, self.without_notices(done.stderr)

    @staticmethod
    def without_notices(text):
        """What the program itself wrote. The runtime's notices begin with its name."""
        return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("rondo:"))

    def check(self, name, *args):
        expected = self.outcome(name, args, native=True)
        self.assertEqual(expected[0], 0, expected)
        for settings in programs.CONFIGURATIONS:
            with self.subTest(workers=settings["RONDO_WORKERS"]):
                self.assertEqual(self.outcome(name, args, native=False, settings=settings), expected)


class Programs(Comparison):
    def test_threads(self):
        self.check("threads")

    def test_processes(self):
        self.check("processes")

    def test_locks_queues_and_sysv(self):
        self.check("ipc")

    def test_named_semaphores(self):
        self.check("named_semaphores")

    def test_synchronisation(self):
        self.check("synchronisation")

    def test_keys(self):
        self.check("keys")

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_change_of_user(self):
        self.check("change_user")

    def test_cleanup_handlers(self):
        self.check("cleanup")

    def test_main_exits_before_the_last_thread(self):
        self.check("main_exits")

    def test_main_exits_without_other_threads(self):
        self.check("main_exits", "alone")

    def test_c11_threads(self):
        self.check("c11")

    def test_cxx_threads(self):
        self.check("standard_threads")

    def test_cxx_library_on_futexes(self):
        # libtsan takes over the guards of local statics, and its own wait holds the worker.
        self.check("futexes", *(["without-guards"] if programs.SANITIZE == "thread" else []))

    def test_loading_of_libraries(self):
        self.check("loading")

    def test_descriptors(self):
        self.check("descriptors")

    @unittest.skipIf(programs.SANITIZE == "thread", NO_THREADS_AFTER_FORK)
    def test_forks_of_each_thread(self):
        self.check("fork_threads")

    @unittest.skipIf(programs.SANITIZE == "thread", NO_THREADS_AFTER_FORK)
    def test_forks(self):
        self.check("forks")

    def test_fortified_descriptors(self):
        self.check("descriptors_fortified")

    def test_event_loops(self):
        self.check("event_loops")

    def test_fortified_event_loops(self):
        self.check("event_loops_fortified")

    def test_signals(self):
        self.check("signals")

    def test_sleepers(self):
        self.check("sleepers")

    def test_streams(self):
        self.check("streams")

    def test_fortified_streams(self):
        self.check("streams_fortified")

    def test_scanning(self):
        self.check("scan")

    def test_stream_locks(self):
        self.check("stream_locks")

    def test_refused_calls_on_handles(self):
        for settings in programs.CONFIGURATIONS:
            with self.subTest(workers=settings["RONDO_WORKERS"]):
                self.assertEqual(self.outcome("handles", (), native=False, settings=settings),
                                 (0, "passed refusals\n", ""))


class Symbols(unittest.TestCase):
    def test_definitions_are_well_formed(self):
        lines = [line for line in DEFINITIONS.read_text().splitlines() if line.startswith("RONDO_")]
        self.assertEqual(len(lines), len(interposed()) + len(left_to_libc()), "a line is malformed or a name is twice")
        self.assertLessEqual({disposition for _, disposition in interposed().values()}, DISPOSITIONS)

    def test_the_page_has_a_row_for_every_symbol(self):
        rows = TABLE_ROW.findall(PAGE.read_text())
        table = {name: (family, disposition) for name, family, disposition in rows}
        self.assertEqual(len(rows), len(table), "a symbol has two rows")
        self.assertEqual(table, interposed() | left_to_libc())

    def test_the_library_exports_the_list(self):
        exported = {line.split()[-1] for line in tool("nm", "-D", "--defined-only", programs.SHIM).splitlines()}
        self.assertEqual(exported, set(interposed()))

    def test_every_symbol_is_one_of_libc(self):
        known = set().union(*libc_functions().values())
        self.assertEqual(set(interposed()) - known, set())

    def test_every_alias_of_an_interposed_function_is_listed(self):
        listed = set(interposed()) | set(left_to_libc())
        missing = {name for names in libc_functions().values() if names & set(interposed()) for name in names - listed}
        self.assertEqual(missing, set())

    def test_everything_that_takes_a_thread_or_an_object_is_listed(self):
        listed = set(interposed()) | set(left_to_libc())
        missing = {name for names in libc_functions().values() for name in names - listed
                   if TAKES_THREAD_OR_OBJECT.match(name)}
        self.assertEqual(missing, set())


class Library(unittest.TestCase):
    def test_every_function_that_it_hides_is_resolved_before_the_first_dlopen(self):
        unregistered = [f"{path.name}: {line}" for path in (programs.SOURCE / "syscall_shim").glob("*.cpp")
                        for line in path.read_text().splitlines() if re.match(r"(constinit )?Real<.*> \w+\(", line)]
        self.assertEqual(unregistered, [])

    def test_it_calls_no_interposed_symbol_by_name(self):
        named = set(re.findall(r"^\S+\s+\S+\s+R_X86_64_\S+\s+\S+\s+(\w+)", tool("readelf", "-rW", programs.SHIM),
                               re.MULTILINE))
        self.assertIn("rondo_read", named)
        self.assertEqual(named & set(interposed()), set())

    @unittest.skipIf(programs.SANITIZED, "a sanitizer adds a library and constructors")
    def test_it_needs_the_runtime_and_libc_alone_and_runs_nothing_at_load(self):
        dynamic = tool("readelf", "-dW", programs.SHIM)
        self.assertLessEqual(set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)), RUNTIME_LIBRARIES)
        self.assertIn("NODELETE", dynamic)
        constructors = re.search(r"\(INIT_ARRAYSZ\)\s+(\d+)", dynamic)
        self.assertLessEqual(int(constructors[1]) if constructors else 0, ONLY_FRAME_DUMMY)


if __name__ == "__main__":
    unittest.main()
