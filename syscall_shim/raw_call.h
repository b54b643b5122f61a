// SPDX-License-Identifier: Apache-2.0
// A system call as the kernel defines it: the result, or -errno. errno is not touched.
//
// libc's syscall() is one of the names that this library defines, so its own code may not use it.
#ifndef RONDO_SHIM_RAW_CALL_H
#define RONDO_SHIM_RAW_CALL_H

#include <sys/syscall.h>

namespace rondo::shim {

inline long raw_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
    long result;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
}

inline long to_arg(const volatile void* pointer) { return reinterpret_cast<long>(pointer); }

}  // namespace rondo::shim

#endif
