// SPDX-License-Identifier: Apache-2.0
// A block of memory that malloc gives out has no history: its last owner and its next need not know of each other. And
// memcpy, memmove and memset, which compilers call for assignments, are accesses where instrumented code calls them.
//
// libc's allocator is called by its internal names, which never come back here.
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "wrappers.h"

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

using namespace rondo::race;

namespace {

void* given(void* block, size_t size, Pc pc) {
    Thread* thread = detecting && block != nullptr ? current() : nullptr;
    if (thread != nullptr) {
        forget_memory(reinterpret_cast<uint64_t>(block), size);
        note_block(reinterpret_cast<uint64_t>(block), size, *thread, pc);
    }
    return block;
}

void taken_back(void* block) {
    Thread* thread = detecting && block != nullptr ? current() : nullptr;
    if (thread != nullptr) forget_block(reinterpret_cast<uint64_t>(block));
}

}  // namespace

#define RONDO_ALLOCATION(result, name, parameters)                                                        \
    extern "C" __attribute__((visibility("default"))) result rondo_race_##name parameters __asm__(#name); \
    extern "C" result rondo_race_##name parameters

RONDO_ALLOCATION(void*, malloc, (size_t size)) { return given(__libc_malloc(size), size, RONDO_CALLER); }

RONDO_ALLOCATION(void*, calloc, (size_t count, size_t size)) {
    return given(__libc_calloc(count, size), count * size, RONDO_CALLER);
}

RONDO_ALLOCATION(void*, realloc, (void* block, size_t size)) {
    taken_back(block);
    return given(__libc_realloc(block, size), size, RONDO_CALLER);
}

RONDO_ALLOCATION(void*, memalign, (size_t alignment, size_t size)) {
    return given(__libc_memalign(alignment, size), size, RONDO_CALLER);
}

RONDO_ALLOCATION(void*, aligned_alloc, (size_t alignment, size_t size)) {
    return given(__libc_memalign(alignment, size), size, RONDO_CALLER);
}

RONDO_ALLOCATION(int, posix_memalign, (void** block, size_t alignment, size_t size)) {
    if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
    void* fresh = given(__libc_memalign(alignment, size), size, RONDO_CALLER);
    if (fresh == nullptr) return ENOMEM;
    *block = fresh;
    return 0;
}

RONDO_ALLOCATION(void, free, (void* block)) {
    taken_back(block);
    __libc_free(block);
}
