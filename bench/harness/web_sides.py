# SPDX-License-Identifier: Apache-2.0
"""The web servers that `bench threads-vs-events` compares, the files they serve, and what an answer weighs on the wire.

Every server gets one core, one process and, if it has workers, one of them. A side whose program is not there is left
out with one line. Before anything is measured each side answers the very request that the generator sends: peers
whose answer is shorter than the baseline's get a padding header, and what each then sends is kept in the result.
"""

import os
import re
import socket
import sys
from dataclasses import dataclass

from . import host, load, peers

FILES = {"1k": 1024, "100k": 100 * 1024}
SIDES = ("knot", "knot-nptl", "reactor", "staged", "http_epoll", "nginx", "h2o", "lighttpd", "apache")
ASKED_SIDES = ("proactor",)  # io_uring: measured only when asked for
BASELINE = "knot"
WIRE_TOLERANCE = 0.05
HEADERS = {"server", "date", "content-type", "content-length", "last-modified", "etag", "accept-ranges"}
FILE_TIME = 1_000_000_000
ON_EPOLL = {"RONDO_WORKERS": "1", "RONDO_IO": "epoll"}

# The files of a design that its twins do not have: what it costs to write it that way.
OWN_FILES = {"knot": ["knot/acceptor", "knot/buffer_pool", "knot/connection", "knot/connections", "knot/input"],
             "reactor": ["bench/servers/reactor", "bench/servers/exchange", "bench/servers/service",
                         "bench/servers/timer_wheel", "bench/servers/transmit"],
             "staged": ["bench/servers/staged", "bench/servers/stage", "bench/servers/exchange", "bench/servers/service",
                        "bench/servers/transmit", "knot/connections"],
             "proactor": ["bench/servers/proactor", "bench/servers/proactor_connection", "bench/servers/completion_ring",
                          "bench/servers/exchange", "bench/servers/service", "bench/servers/timer_wheel",
                          "bench/servers/transmit"]}


class Server:
    """A server of this tree that takes knot's command line."""

    def __init__(self, name, program, root, environment=None):
        self.name, self.program, self.root, self.environment = name, program, root, environment or {}

    def arguments(self, port):
        return [self.program, "--port", str(port), "--root", self.root, "--workers", "1"]


class Responder(Server):
    """The bare responder: a port and a folder."""

    def arguments(self, port):
        return [self.program, str(port), self.root]


def page(size):
    line = "<p>One line of a page whose bytes are known beforehand.</p>\n"
    return ("<!doctype html>\n" + line * (size // len(line) + 1))[:size - 1] + "\n"


def write_files(scratch):
    """Fills scratch/www; readable to servers that give up root for another user."""
    root = os.path.join(scratch, "www")
    os.mkdir(root)
    for folder in (scratch, root):
        os.chmod(folder, 0o755)
    for name, size in FILES.items():
        path = os.path.join(root, f"{name}.html")
        with open(path, "w") as file:
            file.write(page(size))
        os.utime(path, (FILE_TIME, FILE_TIME))
    return root


def own_sides(build, root):
    servers = [Server("knot", f"{build}/knot/knot", root, ON_EPOLL),
               Server("knot-nptl", f"{build}/knot/knot-nptl", root),
               Responder("http_epoll", f"{build}/bench/http_epoll", root)]
    return servers + [Server(name, f"{build}/bench/{name}", root) for name in ("reactor", "staged", "proactor")]


def find_sides(build, scratch, wanted):
    """The wanted sides that can be started, in the order of SIDES; says which cannot."""
    root = write_files(scratch)
    known = {}
    for server in own_sides(build, root):
        if os.access(server.program, os.X_OK):
            known[server.name] = server
        elif server.name in wanted:
            print(f"bench: side {server.name} is left out: {server.program} is not built", file=sys.stderr)
    installed, missing = peers.sides(build, scratch)
    known |= {peer.name: peer for peer in installed}
    for name in missing:
        if name in wanted:
            print(f"bench: side {name} is left out: it is not installed", file=sys.stderr)
    return [known[name] for name in (*SIDES, *ASKED_SIDES) if name in known and name in wanted]


@dataclass
class Answer:
    bytes: int
    headers: set


def fetch(port, path):
    """What the server sends for the generator's request."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += receive(connection)
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if not re.match(r"HTTP/1\.1 200 ", lines[0]) or "content-length" not in headers:
            raise load.BenchError(f"answer to {path}: {lines[0]}")
        length = int(headers["content-length"])
        while len(body) < length:
            body += receive(connection)
        return Answer(len(head) + 4 + len(body), set(headers))


def receive(connection):
    data = connection.recv(65536)
    if not data:
        raise load.BenchError("a server closed the connection instead of answering")
    return data


def weigh(side, files, core):
    port = host.free_port()
    server = load.start_server(side, port, core)
    try:
        return {name: fetch(port, f"/{name}.html") for name in files}
    finally:
        load.stop(server)


def level_wire(sides, baseline, files, core):
    """Rows of kind wire: bytes of each side's answers, after padding."""
    weights = {side.name: weigh(side, files, core) for side in sides}
    first = files[0]
    for side in sides:
        missing = weights[baseline][first].bytes - weights[side.name][first].bytes
        if isinstance(side, peers.Peer) and missing > 8:
            side.pad(missing)
            weights[side.name] = weigh(side, files, core)
    rows = []
    for side in sides:
        for name, answer in weights[side.name].items():
            ratio = answer.bytes / weights[baseline][name].bytes
            rows.append({"bench": "threads-vs-events", "kind": "wire", "file": name, "side": side.name,
                         "bytes": answer.bytes, "ratio": round(ratio, 4), "within": abs(ratio - 1) <= WIRE_TOLERANCE,
                         "padding": getattr(side, "padding", 0), "lacks": sorted(HEADERS - answer.headers)})
    return rows


def code_lines(path):
    """Lines that are neither empty nor only a comment."""
    with open(path) as file:
        return sum(1 for line in file if line.strip() and not line.strip().startswith("//"))


def lines_rows(top):
    rows = []
    for name, stems in OWN_FILES.items():
        candidates = [stem + suffix for stem in stems for suffix in (".h", ".cpp")]
        present = [path for path in candidates if os.path.exists(os.path.join(top, path))]
        if f"{stems[0]}.cpp" in present:
            rows.append({"bench": "threads-vs-events", "kind": "lines", "side": name, "files": present,
                         "lines": sum(code_lines(os.path.join(top, path)) for path in present)})
    return rows
