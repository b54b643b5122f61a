# SPDX-License-Identifier: Apache-2.0
"""Makes small ELF files for the launcher's tests: enough headers to be judged, no code.

    elf(interpreter="/lib/ld-musl-x86_64.so.1")
    elf(machine=AARCH64), elf(bits=32), elf(note=("Go", 4)), elf(sections=[".go.buildinfo"])
"""
import struct

X86_64, I386, AARCH64 = 62, 3, 183
REL, EXEC, DYN = 1, 2, 3
PT_INTERP, PT_NOTE, PT_TLS = 3, 4, 7
GLIBC_LOADER = "/lib64/ld-linux-x86-64.so.2"
HEADER_BYTES, SEGMENT_BYTES, SECTION_BYTES = 64, 56, 64


def note_bytes(name, kind):
    name = name.encode() + b"\0"
    return struct.pack("<III", len(name), 0, kind) + name.ljust((len(name) + 3) // 4 * 4, b"\0")


def section_table(names, offset):
    """The sections' headers and the string table behind them, placed at the offset."""
    strings = b"\0"
    starts = []
    for name in [*names, ".shstrtab"]:
        starts.append(len(strings))
        strings += name.encode() + b"\0"
    strings_at = offset + SECTION_BYTES * len(starts)
    headers = b"".join(struct.pack("<IIQQQQIIQQ", start, 1, 0, 0, strings_at, len(strings), 0, 0, 1, 0)
                       for start in starts)
    return headers + strings, len(starts)


def elf(interpreter=GLIBC_LOADER, machine=X86_64, bits=64, kind=DYN, note=None, tls=False, sections=()):
    segments = []
    if interpreter is not None:
        segments.append((PT_INTERP, interpreter.encode() + b"\0"))
    if note is not None:
        segments.append((PT_NOTE, note_bytes(*note)))
    if tls:
        segments.append((PT_TLS, b"\0" * 8))
    data_at = HEADER_BYTES + SEGMENT_BYTES * len(segments)
    table, data = b"", b""
    for what, content in segments:
        table += struct.pack("<IIQQQQQQ", what, 4, data_at + len(data), 0, 0, len(content), len(content), 4)
        data += content
    sections_at, count, section_bytes = 0, 0, b""
    if sections:
        sections_at = data_at + len(data)
        section_bytes, count = section_table(sections, sections_at)
    ident = b"\x7fELF" + bytes([bits // 32, 1, 1, 0]) + b"\0" * 8
    header = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0, HEADER_BYTES, sections_at, 0, HEADER_BYTES,
                                 SEGMENT_BYTES, len(segments), SECTION_BYTES, count, max(count - 1, 0))
    return header + table + data + section_bytes
