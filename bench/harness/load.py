# SPDX-License-Identifier: Apache-2.0
"""One measured run: a fresh server on one core, the load generator on the other, the kernel's clocks read at the
edges of the generator's window while the load goes on before and after it.

A server leads a process group of its own and is killed with it, so that servers which fork are stopped for sure; it
also dies with the harness, unless it has changed its user.
"""

import ctypes
import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from . import host, syscalls


PR_SET_PDEATHSIG = 1
HIGHEST_PRIORITY = -20
# Seconds in which the harness, then of lesser priority than the generator, can read the clocks.
OPEN_COOLDOWN = 1.0
# perf opens a descriptor for each thread; servers with more have their system calls not counted.
MOST_COUNTED_THREADS = 4000
# What `others` is when the harness itself was kept from reading the clocks while the load was on.
TOO_LATE = 99.0


class BenchError(Exception):
    """The benchmark cannot give a figure; the message says why."""


@dataclass
class Side:
    """What is compared: a name and how its server is started on a port."""

    name: str
    command: list
    environment: dict = field(default_factory=dict)

    def arguments(self, port):
        return [*self.command, str(port)]


@dataclass
class Plan:
    """What every run of a row has in common."""

    loadgen: str
    connections: int
    duration: float
    warmup: float
    server_core: int
    client_core: int
    rate: float = 0.0
    extra: tuple = ()

    def command(self, port, events_fd):
        command = [self.loadgen, "--port", str(port), "--connections", str(self.connections), "--json",
                   "--duration", str(self.duration), "--warmup", str(self.warmup), "--events-fd", str(events_fd)]
        paced = ["--rate", str(self.rate), "--cooldown", str(OPEN_COOLDOWN)] if self.rate else []
        return command + paced + list(self.extra)


@dataclass
class Run:
    """What one run gave. `others` is what neither server nor generator used, on both cores, as a share of one. `memory`
    is by how much the server's peak of resident memory and its page tables grew from before the first connection."""

    rate: float
    cpu_us: float
    server_busy: float
    client_busy: float
    others: float
    latency_us: dict | None
    syscalls: float | None
    switches: float | None = None
    memory: int | None = None
    threads: int | None = None


class Snapshot:
    """Clocks of the server's processes, of the generator's, of both cores and of everybody else, read together."""

    def __init__(self, server, client, cores, ours):
        self.at = time.monotonic_ns()
        self.server = host.cpu_ns(server)
        self.client = host.cpu_ns(client)
        self.cores = host.CoreTimes(cores)
        self.others = host.others_ns(ours)
        self.others_at = time.monotonic_ns()

    def others_since(self, before):
        used = (self.others - before.others) / (self.others_at - before.others_at)
        stolen = (self.cores.stolen - before.cores.stolen) * 1e9 / (self.at - before.at)
        return max(0.0, used) + stolen


def settle_in(core, urgent):
    """Of server and generator alike. `urgent`, in an open loop: with the priority that root may take, a burst of some
    other program is not their p99. Each leads a session, and where the kernel groups by session, the priority between
    groups is one of its own. Not in a closed loop, where a busy generator would keep the harness from its core."""
    os.sched_setaffinity(0, {core})
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if not urgent:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, HIGHEST_PRIORITY)
        with open("/proc/self/autogroup", "w") as group:
            group.write(str(HIGHEST_PRIORITY))
    except OSError:
        pass


def start_server(side, port, core, urgent=False):
    environment = host.clean_environment(side.environment)
    command = side.arguments(port)
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=said, start_new_session=True, preexec_fn=lambda: settle_in(core, urgent))
        if host.wait_listening(process, port):
            return process
        stop(process)
        said.seek(0)
        last = said.read().strip().rpartition("\n")[2]
    raise BenchError(f"{side.name}: the server does not listen on port {port}: {' '.join(command)}: {last}")


def stop(process):
    """Kills a server with its whole process group."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def expect(events, wanted, side):
    line = events.readline().strip()
    if line != wanted:
        raise BenchError(f"{side.name}: the load generator ended before \"{wanted}\"")


def run(plan, side, count=False):
    """One run; with `count`, system calls and context switches are counted, which costs time."""
    port = host.free_port()
    urgent = plan.rate > 0
    server = start_server(side, port, plan.server_core, urgent)
    idle = host.memory(host.process_tree(server.pid))
    reading, writing = os.pipe()
    client = subprocess.Popen(plan.command(port, writing), pass_fds=[writing], stdout=subprocess.PIPE, text=True,
                              start_new_session=True, preexec_fn=lambda: settle_in(plan.client_core, urgent))
    os.close(writing)
    try:
        with os.fdopen(reading) as events:
            result = measure(plan, side, server, client, events, count)
            result.memory -= idle
            return result
    finally:
        stop(client)
        stop(server)


class Counts:
    """System calls and context switches a second of processes, over the window."""

    def __init__(self, pids):
        self.pids = pids
        countable = host.thread_count(pids) <= MOST_COUNTED_THREADS and not syscalls.unavailable()
        self.calls = syscalls.Counter(pids) if countable else None

    def begin(self):
        self.at, self.switches = time.monotonic(), host.context_switches(self.pids)
        if self.calls:
            self.calls.enable()

    def end(self):
        calls = self.calls.disable() if self.calls else None
        elapsed = time.monotonic() - self.at
        grown = sum(count - self.switches.get(thread, 0)
                    for thread, count in host.context_switches(self.pids).items())
        return calls, grown / elapsed


def measure(plan, side, server, client, events, count):
    cores = (plan.server_core, plan.client_core)
    expect(events, "ready", side)
    servers, clients = host.process_tree(server.pid), host.process_tree(client.pid)
    counts = Counts(servers) if count else None
    ours = {os.getpid(), *servers, *clients}
    # Looking at every process takes the generator's core for some ms: in an open loop before the window, for there it
    # would be the p99 that is measured.
    early = Snapshot(servers, clients, cores, ours) if plan.rate else None
    expect(events, "begin", side)
    if counts:
        counts.begin()
    before = early or Snapshot(servers, clients, cores, ours)
    expect(events, "end", side)
    try:
        after = Snapshot(servers, clients, cores, ours)
    except OSError:
        return missed(json.loads(client.communicate()[0]))
    memory, threads = host.memory(servers), host.thread_count(servers)
    counted = counts.end() if counts else (None, None)
    report = json.loads(client.communicate()[0])
    if not report["ok"]:
        errors = ", ".join(f"{count} {kind}" for kind, count in report["errors"].items() if count)
        raise BenchError(f"{side.name}: {plan.connections} connections: errors: {errors}")
    result = summarise(report, before, after, cores)
    result.syscalls, result.switches = [value / result.rate if value is not None and result.rate else None
                                        for value in counted]
    result.memory, result.threads = memory, threads
    return result


def missed(report):
    """A run whose end was read too late: the generator was gone. Its pair is dropped."""
    return Run(rate=max(report["rate"], 1.0), cpu_us=1.0, server_busy=0.0, client_busy=0.0, others=TOO_LATE,
               latency_us=report.get("latency_us"), syscalls=None, memory=0)


def summarise(report, before, after, cores):
    elapsed = after.at - before.at
    busy = after.cores.busy_since(before.cores)
    cpu = (after.server - before.server) / elapsed
    rate = report["rate"]
    return Run(rate=rate, cpu_us=cpu * 1e6 / rate if rate else float("inf"), server_busy=busy[cores[0]],
               client_busy=busy[cores[1]], others=after.others_since(before), latency_us=report.get("latency_us"),
               syscalls=None)
