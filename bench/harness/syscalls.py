# SPDX-License-Identifier: Apache-2.0
"""System calls a second of running processes, counted by perf between enable() and disable().

perf is attached beforehand with its counter off and switched through its control descriptor, so that the count
covers exactly the generator's window. strace was rejected: it slows each call a hundredfold and so changes how many
events a wait returns.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time

EVENT = "raw_syscalls:sys_enter"


def unavailable():
    """Why calls cannot be counted here, or None."""
    if shutil.which("perf") is None:
        return "perf is not installed"
    trial = subprocess.run(["perf", "stat", "-x,", "-e", EVENT, "true"], capture_output=True, text=True)
    if trial.returncode != 0 or "not supported" in trial.stderr:
        return "perf cannot count " + EVENT
    return None


class Counter:
    def __init__(self, pids):
        self.output = tempfile.NamedTemporaryFile(mode="r")
        control_read, self.control = os.pipe()
        self.acks, ack_write = os.pipe()
        self.perf = subprocess.Popen(
            ["perf", "stat", "-x,", "-e", EVENT, "-o", self.output.name, "-D", "-1", "-p", ",".join(map(str, pids)),
             "--control", f"fd:{control_read},{ack_write}"],
            pass_fds=[control_read, ack_write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(control_read)
        os.close(ack_write)
        self.started = 0

    def enable(self):
        self._command("enable")
        self.started = time.monotonic()

    def disable(self):
        """Calls a second since enable(), or None when perf failed."""
        elapsed = time.monotonic() - self.started
        self._command("disable")
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait()
        os.close(self.control)
        os.close(self.acks)
        for line in self.output.read().splitlines():
            fields = line.split(",")
            if len(fields) > 2 and fields[2].startswith(EVENT) and fields[0].isdigit():
                return int(fields[0]) / elapsed
        return None

    def _command(self, word):
        try:
            os.write(self.control, (word + "\n").encode())
            os.read(self.acks, 16)
        except BrokenPipeError:
            pass
