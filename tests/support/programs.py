# SPDX-License-Identifier: Apache-2.0
"""Runs programs of tests/programs and docs/examples under `rondo`, for the python tests.

    done = programs.run("mutexes", "4", settings={"RONDO_WORKERS": "2"})
    with programs.Server("echo", settings={"RONDO_WORKERS": "1"}) as server:
        with server.connect() as client: ...
        server.tasks()

A program is named by its meson target, or by a path. `native=True` runs it without rondo: the comparison. Every wait
has a limit, three times longer in a sanitizer build. A server that ends early or never listens raises with its output.
"""
import functools
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(os.environ["RONDO_TEST_SOURCE_DIR"])
BUILD = pathlib.Path(os.environ["RONDO_TEST_BUILD_DIR"])
SANITIZE = os.environ.get("RONDO_TEST_SANITIZE", "none")
SANITIZED = SANITIZE != "none"
TIME_FACTOR = 3 if SANITIZED else 1
LAUNCHER = BUILD / "syscall_shim" / "rondo"
SHIM = BUILD / "syscall_shim" / "librondo_shim.so"
FOLDERS = (BUILD / "tests", BUILD / "docs" / "examples")
CONFIGURATIONS = tuple({"RONDO_IO": "epoll", "RONDO_WORKERS": workers} for workers in ("1", "2", "4"))
POLL_SECONDS = 0.01


def path_of(program):
    """The file of a program named by target or path."""
    for folder in FOLDERS:
        if (folder / program).is_file():
            return str(folder / program)
    return str(program)


@functools.cache
def sanitizer_libraries():
    """The sanitizer run-times that an uninstrumented program has to load for an instrumented runtime. `rondo` puts the
    shim before them, so that they see the kernel's threads and not the program's."""
    listing = subprocess.run(["ldd", str(BUILD / "runtime" / "librondo.so.0")], capture_output=True, text=True, check=True)
    lines = [line.split() for line in listing.stdout.splitlines()]
    return [words[2] for words in lines if words[0].startswith(("libasan", "libubsan", "libtsan"))]


def environment(settings=None, native=False):
    """The caller's environment with no RONDO_* but these settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("RONDO_")}
    env.update(settings or {})
    if SANITIZED and not native:
        env["LD_PRELOAD"] = ":".join([*sanitizer_libraries(), *filter(None, [env.get("LD_PRELOAD")])])
    return env


def command(program, args, native=False, options=()):
    launcher = [] if native else [str(LAUNCHER), *options]
    return launcher + [path_of(program), *map(str, args)]


# libasan keeps its idea of the current stack under a pthread key, which the shim makes one of each thread's own, and says
# that it ignores some requests to forget what is on it.
ASAN_IGNORES = re.compile(r"==\d+==WARNING: ASan is ignoring requested __asan_handle_no_return.*\n.*\n.*\n")


def run(program, *args, settings=None, native=False, options=(), stdin="", timeout=30):
    """Runs to the end; returns subprocess.CompletedProcess with text output, without what libasan says of itself."""
    done = subprocess.run(command(program, args, native, options), env=environment(settings, native), input=stdin,
                          capture_output=True, text=True, timeout=timeout * TIME_FACTOR, check=False)
    done.stderr = ASAN_IGNORES.sub("", done.stderr)
    return done


def rondo(*args, settings=None, timeout=30, **options):
    """Runs the launcher itself with these arguments."""
    return subprocess.run([str(LAUNCHER), *map(str, args)], env=environment(settings), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout * TIME_FACTOR, check=False, **options)


def wait_until(condition, timeout=10):
    """Whether the condition came to hold in time."""
    deadline = time.monotonic() + timeout * TIME_FACTOR
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server started on a free port, which is its first argument; ready when it accepts a connection."""

    def __init__(self, program, *args, settings=None, native=False, options=(), timeout=10):
        self.port = free_port()
        self.timeout = timeout * TIME_FACTOR
        self.output_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command(program, (self.port, *args), native, options),
                                        env=environment(settings, native), stdin=subprocess.DEVNULL, stdout=self.output_file,
                                        stderr=subprocess.STDOUT)

    def __enter__(self):
        if not wait_until(lambda: self.process.poll() is not None or self.listens(), self.timeout / TIME_FACTOR):
            self.stop()
            raise RuntimeError(f"the server does not listen; its output:\n{self.output()}")
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended with {self.process.returncode}; its output:\n{self.output()}")
        return self

    def __exit__(self, *_):
        self.stop()
        self.output_file.close()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)

    def output(self):
        self.output_file.seek(0)
        return self.output_file.read().decode(errors="replace")

    def tasks(self):
        """How many kernel threads the server has."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def mappings(self):
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as lines:
            return sum(1 for _ in lines)

    def stop(self):
        """Ends the server with SIGTERM, or SIGKILL if it does not heed it; returns its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()
