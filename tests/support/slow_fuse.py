# SPDX-License-Identifier: Apache-2.0
"""A FUSE file system that answers every open and read late, for tests of what a server that hangs holds up.

    with slow_fuse.Mount(delay=0.5) as mount:
        ...                                     # mount.path / "any name" is a file that holds CONTENT
    mount.opens, mount.reads                    # how many were answered

It speaks the kernel's protocol on /dev/fuse itself; each late answer has a timer thread, so none waits for another. Mounting
needs root, or a user namespace with one; Mount raises OSError where it is not allowed.
"""
import ctypes
import os
import pathlib
import shutil
import struct
import tempfile
import threading

CONTENT = b"slowly " * 100

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, BATCH_FORGET = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 42)
ENOSYS = 38
ROOT = 1
DIRECTORY, FILE = 0o040755, 0o100644
DIRECT_IO = 1
MNT_DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def attributes(node):
    mode, size = (DIRECTORY, 0) if node == ROOT else (FILE, len(CONTENT))
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class Mount:
    def __init__(self, delay):
        self.delay = delay
        self.opens = self.reads = 0
        self.names = {}
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="rondo_fuse_"))
        try:
            self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
            options = f"fd={self.fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
            if libc.mount(b"slow", bytes(self.path), b"fuse", 0, options) != 0:
                error = ctypes.get_errno()
                os.close(self.fd)
                raise OSError(error, os.strerror(error))
        except OSError:
            self.path.rmdir()
            raise
        self.server = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        libc.umount2(bytes(self.path), MNT_DETACH)
        self.server.join(10)
        os.close(self.fd)
        shutil.rmtree(self.path, ignore_errors=True)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 17)
            except OSError:
                return
            self.handle(request)

    def answer(self, unique, body=b"", error=0):
        try:
            os.write(self.fd, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            pass

    def answer_late(self, unique, body):
        threading.Timer(self.delay, self.answer, (unique, body)).start()

    def handle(self, request):
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        body = request[40:]
        if operation == INIT:
            self.answer(unique, struct.pack("<IIIIHHIIHH", 7, 31, 1 << 16, 0, 64, 48, 1 << 16, 1, 0, 0) + bytes(28))
        elif operation == LOOKUP:
            found = self.names.setdefault(body.rstrip(b"\0"), len(self.names) + 2)
            self.answer(unique, struct.pack("<QQQQII", found, 0, 3600, 3600, 0, 0) + attributes(found))
        elif operation == GETATTR:
            self.answer(unique, struct.pack("<QII", 3600, 0, 0) + attributes(node))
        elif operation == OPEN:
            self.opens += 1
            self.answer_late(unique, struct.pack("<QII", 0, DIRECT_IO, 0))
        elif operation == READ:
            self.reads += 1
            offset, size = struct.unpack_from("<QI", body, 8)
            self.answer_late(unique, CONTENT[offset:offset + size])
        elif operation in (FLUSH, RELEASE):
            self.answer(unique)
        elif operation == OPENDIR:
            self.answer(unique, struct.pack("<QII", 0, 0, 0))
        elif operation not in (FORGET, BATCH_FORGET):
            self.answer(unique, error=ENOSYS)
