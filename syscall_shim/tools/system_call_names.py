#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the rows of a table of x86-64 system calls, {number, "name"}, from the compiler's <sys/syscall.h>.

    system_call_names.py CC...
"""
import re
import subprocess
import sys

HEADER = "#include <sys/syscall.h>\n"
MACRO = re.compile(r"^#define __NR_(\w+) (\d+)$", re.MULTILINE)


def main():
    macros = subprocess.run([*sys.argv[1:], "-E", "-dM", "-xc", "-"], input=HEADER, stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    for number, name in sorted((int(number), name) for name, number in MACRO.findall(macros)):
        print(f'{{{number}, "{name}"}},')


if __name__ == "__main__":
    main()
