# SPDX-License-Identifier: Apache-2.0
"""What the kernel says: CPU time of a process tree, busy share of a core, pinning, free ports.

CPU time is the process clock (clock_gettime on the process's own CPU clock): nanoseconds, all threads of the
process, those that have ended and io_uring's kernel workers included, for they belong to its thread group.
/proc/PID/stat was rejected for its 10 ms ticks, task/*/schedstat because it forgets threads that end.
A core's busy share is 1 - idle: the kernel keeps idle time exactly, while the busy columns of /proc/stat are samples.
What others used is the growth of all other processes' own clocks and of what their ended children left with them, plus
time stolen from the virtual machine. Busy share less our own was rejected: thousands of wake-ups a second from idle
take time that no process is charged for, and it is ours.
"""

import os
import socket
import time

TICKS = os.sysconf("SC_CLK_TCK")
PROCESS_SCHED_CLOCK = 2
# Kernel threads that work for whoever sends packets.
OURS_BY_NATURE = "ksoftirqd"
IDLE, IOWAIT, STEAL = 3, 4, 7


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def process_tree(root):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(parent_of(entry), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, []))
    return tree


def others_ns(ours):
    """CPU time up to now of all processes but `ours`; a child that ends in between is found again in its parent."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) in ours:
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
            fields = rest.split()
            if not name.startswith(OURS_BY_NATURE):
                total += cpu_ns([int(entry)]) + (int(fields[13]) + int(fields[14])) * 10**9 // TICKS
        except (OSError, ValueError):
            continue
    return total


def cpu_ns(pids):
    return sum(time.clock_gettime_ns((~pid << 3) | PROCESS_SCHED_CLOCK) for pid in pids)


def status_values(path, names):
    """The numbers of the named lines of a /proc status file; none of them when the process or thread has ended."""
    try:
        with open(path) as file:
            return [int(line.split()[1]) for line in file if line.partition(":")[0] in names]
    except (FileNotFoundError, ProcessLookupError):
        return []


def memory(pids):
    """Bytes of peak resident memory and page tables."""
    return sum(sum(status_values(f"/proc/{pid}/status", ("VmHWM", "VmPTE"))) for pid in pids) * 1024


def thread_count(pids):
    return sum(sum(status_values(f"/proc/{pid}/status", ("Threads",))) for pid in pids)


def context_switches(pids):
    """{thread: its context switches so far}. A server of thousands of threads is read in part of a second, each thread
    at the same place of it both times: the growth over the time between is right."""
    names = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
    counts = {}
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            continue
        counts |= {thread: sum(status_values(f"/proc/{pid}/task/{thread}/status", names)) for thread in threads}
    return counts


class CoreTimes:
    """A snapshot of the idle and stolen time of cores, in seconds."""

    def __init__(self, cores):
        self.at = time.monotonic()
        with open("/proc/stat") as file:
            rows = {line.split()[0]: [int(word) for word in line.split()[1:]] for line in file if line[:3] == "cpu"}
        rows = {core: rows[f"cpu{core}"] for core in cores}
        self.idle = {core: (row[IDLE] + row[IOWAIT]) / TICKS for core, row in rows.items()}
        self.stolen = sum(row[STEAL] for row in rows.values()) / TICKS

    def busy_since(self, before):
        elapsed = self.at - before.at
        return {core: min(1.0, max(0.0, 1 - (self.idle[core] - before.idle[core]) / elapsed)) for core in self.idle}


def two_cores():
    """The cores of server and generator."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise SystemExit("bench: needs two cores, one for the server and one for the load generator")
    return allowed[0], allowed[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(process, port, seconds=10):
    """Connects until the server answers; False when it ended or did not listen in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.01)
    return False


def clean_environment(extra=None):
    """The environment without any RONDO_ setting but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RONDO_")}
    kept.pop("LD_PRELOAD", None)
    return kept | (extra or {})
