// SPDX-License-Identifier: Apache-2.0
//
// Raw system calls. The runtime may never call a libc function that the shim intercepts (it would call itself), so
// everything that enters the kernel goes through here. A call returns its result, or -errno; libc's errno is not
// touched. Runs on any stack, also inside a signal handler: what those use is inlined for certain, so that a
// sanitizer's instrumentation does not come with it (sanitizer.h).
//
// Rejected: libc's syscall(), which the shim intercepts as well (programs reach futexes by it) and which writes errno.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

namespace rondo::sys {

[[gnu::always_inline]] inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                                        long f = 0) {
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

[[gnu::always_inline]] inline long to_arg(const volatile void* pointer) { return reinterpret_cast<long>(pointer); }

inline int gettid() { return static_cast<int>(call(SYS_gettid)); }

[[gnu::always_inline]] inline int getpid() { return static_cast<int>(call(SYS_getpid)); }

inline void yield_cpu() { call(SYS_sched_yield); }

[[gnu::always_inline]] inline long write(int fd, const void* bytes, size_t length) {
    return call(SYS_write, fd, to_arg(bytes), static_cast<long>(length));
}

inline long read(int fd, void* bytes, size_t length) {
    return call(SYS_read, fd, to_arg(bytes), static_cast<long>(length));
}

inline long close(int fd) { return call(SYS_close, fd); }

// Sleeps while *word == expected. deadline: absolute CLOCK_MONOTONIC or null. 0, -EAGAIN, -EINTR or -ETIMEDOUT.
inline long futex_wait(const void* word, uint32_t expected, const timespec* deadline) {
    return call(SYS_futex, to_arg(word), FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, to_arg(deadline), 0,
                static_cast<long>(FUTEX_BITSET_MATCH_ANY));
}

inline long futex_wake(const void* word, int count) {
    return call(SYS_futex, to_arg(word), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count);
}

// Both return the address, or -errno as a value in the last page of the address space (see is_error).
inline void* mmap(size_t bytes, int protection, int flags) {
    return reinterpret_cast<void*>(call(SYS_mmap, 0, static_cast<long>(bytes), protection, flags, -1, 0));
}

inline long munmap(void* address, size_t bytes) { return call(SYS_munmap, to_arg(address), static_cast<long>(bytes)); }

inline long madvise(void* address, size_t bytes, int advice) {
    return call(SYS_madvise, to_arg(address), static_cast<long>(bytes), advice);
}

inline bool is_error(const void* mapped) { return reinterpret_cast<unsigned long>(mapped) > -4096UL; }

}  // namespace rondo::sys
