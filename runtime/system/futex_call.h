// SPDX-License-Identifier: Apache-2.0
//
// The futex system call, as programs and language libraries make it by syscall(SYS_futex): C++'s future, atomic waits
// and guards of local statics, Rust's locks. Threads of the runtime and all other kernel threads of the process wait in
// the runtime's own table, in one queue.
//
// A futex that is not marked private may be waited for in another process. Language libraries seldom set the mark, so a
// wait looks at the mapping first: memory that nobody else can see is treated as private, and for the rest a kernel
// thread waits in the kernel while the caller parks. A wake without the mark goes to both places.
//
// Operations that hand over ownership (priority inheritance) know kernel threads only and pass to the kernel.
#pragma once

#include <time.h>

#include <cstdint>

namespace rondo {

struct FutexCall {
    uint32_t* word;
    int operation;
    uint32_t value;
    const timespec* timeout;  // for some operations a second count
    uint32_t* word2;
    uint32_t value3;
};

// The result of the system call, or -errno. A wait that no kernel thread could be had for says EAGAIN.
long futex_call(const FutexCall& call);

}  // namespace rondo
