# SPDX-License-Identifier: Apache-2.0
"""One measured run: a fresh server on one core, the load generator on the other, the kernel's clocks read at the
edges of the generator's window while the load goes on before and after it."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass

from . import host, syscalls


class BenchError(Exception):
    """The benchmark cannot give a figure; the message says why."""


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
        return command + (["--rate", str(self.rate)] if self.rate else []) + list(self.extra)


@dataclass
class Run:
    """What one run gave. `others` is what neither server nor generator used, on both cores, as a share of one."""

    rate: float
    cpu_us: float
    server_busy: float
    client_busy: float
    others: float
    latency_us: dict | None
    syscalls: float | None


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


def start_server(side, port, core):
    environment = host.clean_environment(side.environment)
    process = subprocess.Popen([*side.command, str(port)], env=environment, stdin=subprocess.DEVNULL,
                               preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if not host.wait_listening(process, port):
        stop(process)
        raise BenchError(f"{side.name}: the server does not listen on port {port}: {' '.join(side.command)}")
    return process


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def expect(events, wanted, side):
    line = events.readline().strip()
    if line != wanted:
        raise BenchError(f"{side.name}: the load generator ended before \"{wanted}\"")


def run(plan, side, count_syscalls=False):
    port = host.free_port()
    server = start_server(side, port, plan.server_core)
    reading, writing = os.pipe()
    client = subprocess.Popen(plan.command(port, writing), pass_fds=[writing], stdout=subprocess.PIPE, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, {plan.client_core}))
    os.close(writing)
    try:
        with os.fdopen(reading) as events:
            return measure(plan, side, server, client, events, count_syscalls)
    finally:
        stop(client)
        stop(server)


def measure(plan, side, server, client, events, count_syscalls):
    cores = (plan.server_core, plan.client_core)
    expect(events, "ready", side)
    servers, clients = host.process_tree(server.pid), host.process_tree(client.pid)
    counter = syscalls.Counter(servers) if count_syscalls else None
    ours = {os.getpid(), *servers, *clients}
    expect(events, "begin", side)
    if counter:
        counter.enable()
    before = Snapshot(servers, clients, cores, ours)
    expect(events, "end", side)
    after = Snapshot(servers, clients, cores, ours)
    counted = counter.disable() if counter else None
    report = json.loads(client.communicate()[0])
    if not report["ok"]:
        raise BenchError(f"{side.name}: {plan.connections} connections: errors {report['errors']}")
    return summarise(report, before, after, cores, counted)


def summarise(report, before, after, cores, counted):
    elapsed = after.at - before.at
    busy = after.cores.busy_since(before.cores)
    cpu = (after.server - before.server) / elapsed
    rate = report["rate"]
    return Run(rate=rate, cpu_us=cpu * 1e6 / rate if rate else float("inf"), server_busy=busy[cores[0]],
               client_busy=busy[cores[1]], others=after.others_since(before), latency_us=report.get("latency_us"),
               syscalls=counted / rate if counted and rate else None)
