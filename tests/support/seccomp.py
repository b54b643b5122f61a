# SPDX-License-Identifier: Apache-2.0
"""System calls that a sandbox refuses: refuse(NUMBER, ...) in a child, before it becomes the program (preexec_fn)."""
import ctypes
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
EPERM = 1


def refuse(*numbers):
    """Makes these system calls fail with EPERM, in this process and its children."""
    def instruction(code, yes, no, value):
        return struct.pack("<HBBI", code, yes, no, value)

    load_number, jump_equal, give = 0x20, 0x15, 0x06
    code = instruction(load_number, 0, 0, 0)
    for number in numbers:
        code += instruction(jump_equal, 0, 1, number) + instruction(give, 0, 0, 0x00050000 | EPERM)
    code += instruction(give, 0, 0, 0x7FFF0000)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
