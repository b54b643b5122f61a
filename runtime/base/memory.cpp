// SPDX-License-Identifier: Apache-2.0
//
// The library's own memcpy and memset, hidden: the compiler calls them for copies of structures, also where a lock is
// held. A signal that interrupts libc's could not be told from one that interrupts the program's copying; one that
// interrupts these is seen to have interrupted the runtime. The string instructions are as fast for what is copied
// here. Not in sanitizer builds, where these names belong to the sanitizer.
//
// Rejected: asking the dynamic linker for the ranges of libc's variants, which are local symbols there.

#include <cstddef>

#include "runtime/base/sanitizer.h"

#if !defined(RONDO_ASAN) && !defined(RONDO_TSAN)

// The compiler takes their visibility from its own declarations, so the assembler is told.
asm(".hidden memcpy, memset");

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t bytes) {
    void* end = to;
    asm volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void* memset(void* to, int byte, size_t bytes) {
    void* end = to;
    asm volatile("rep stosb" : "+D"(end), "+c"(bytes) : "a"(byte) : "memory");
    return to;
}

}  // extern "C"

#endif
