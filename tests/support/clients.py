# SPDX-License-Identifier: Apache-2.0
"""What clients do to the example servers, and what they see: scripts that give the same transcript for every right server.

The service sends back in upper case what it gets. A script returns all bytes that came back, client by client, and never
times or port numbers, so transcripts of two runs compare equal. `at_once` is how many clients the server serves at the
same time at least. Every wait has a limit.
"""
import concurrent.futures
import hashlib
import socket
import struct
import threading

import programs

SECONDS = 10 * programs.TIME_FACTOR
HOST = "127.0.0.1"
ABORT = struct.pack("ii", 1, 0)
EVERY_BYTE = bytes(range(256))


def connect(port):
    return socket.create_connection((HOST, port), timeout=SECONDS)


def read_all(client):
    """To the end of file."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def read_exactly(client, length):
    parts = b""
    while len(parts) < length:
        part = client.recv(length - len(parts))
        if not part:
            raise EOFError(f"the server ended after {parts!r}")
        parts += part
    return parts


def pipelined(port, clients=3):
    """Each sends all its lines in one piece and ends its side; the answers come all the same."""
    lines = [b"".join(b"client %d line %d\n" % (client, line) for line in range(100)) for client in range(clients)]
    connections = [connect(port) for _ in range(clients)]
    for connection, text in zip(connections, lines):
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
    seen = []
    for connection in connections:
        with connection:
            seen.append(read_all(connection))
    return seen


def interleaved(port, clients):
    """All are connected all the time and take turns."""
    connections = [connect(port) for _ in range(clients)]
    seen = []
    for turn in range(10):
        for client, connection in enumerate(connections):
            line = b"client %d turn %d \x00\xff\n" % (client, turn)
            connection.sendall(line)
            seen.append(read_exactly(connection, len(line)))
    for connection in connections:
        connection.close()
    return seen


def abrupt(port):
    """Clients that leave with a reset: at once, and with answers unread. They see nothing; the server must survive."""
    for text in (b"", b"never read\n" * 5000):
        for _ in range(3):
            client = connect(port)
            client.sendall(text)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            client.close()


def bulk(port, length=1 << 20):
    """More than fits into the buffers between, so that both sides must go on in turn."""
    text = EVERY_BYTE * (length // len(EVERY_BYTE))
    with connect(port) as client:
        sender = threading.Thread(target=lambda: (client.sendall(text), client.shutdown(socket.SHUT_WR)))
        sender.start()
        seen = read_all(client)
        sender.join(SECONDS)
    return len(seen), hashlib.sha256(seen).hexdigest()


def streams(port, at_once):
    """The transcript of one of everything, over TCP."""
    seen = [pipelined(port), interleaved(port, at_once)]
    abrupt(port)
    return seen + [bulk(port), pipelined(port, 1)]


def one_connection(port, number):
    line = b"connection %d\n" % number
    with connect(port) as client:
        client.sendall(line)
        return read_exactly(client, len(line)) == line.upper()


def many(port, connections, at_once=4):
    """How many of so many short connections were served right."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(lambda number: one_connection(port, number), range(connections)))


def datagram_socket():
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(SECONDS)
    return client


def datagrams(port, clients=5):
    """Each client has one request out at a time; the clients' requests overlap."""
    texts = [b"hello", b"", EVERY_BYTE, b"x" * 2000, b"more \n lines\n"]
    sockets = [datagram_socket() for _ in range(clients)]
    seen = []
    for text in texts:
        for client, own in enumerate(sockets):
            own.sendto(b"%d %b" % (client, text) if text else b"", (HOST, port))
        seen.extend(own.recv(65536) for own in sockets)
    for own in sockets:
        own.close()
    return seen


def slow_datagrams(port, requests=20):
    """The answers, sorted, to requests that take half a second each."""
    with datagram_socket() as client:
        for number in range(requests):
            client.sendto(b"sleep %d" % number, (HOST, port))
        return sorted(client.recv(65536) for _ in range(requests))


def conversations(port, clients=5):
    """Overlapping conversations, each with a port of its own that the first answer comes from."""
    sockets = [datagram_socket() for _ in range(clients)]
    peers = [(HOST, port)] * clients
    seen = []
    for text in (b"first %d", b"second %d", b"third %d", b"bye %d"):
        for client, own in enumerate(sockets):
            own.sendto(text % client, peers[client])
        for client, own in enumerate(sockets):
            answer, peers[client] = own.recvfrom(65536)
            seen.append(answer)
    for own in sockets:
        own.close()
    return seen, len(set(peers)), (HOST, port) in peers
