// SPDX-License-Identifier: Apache-2.0
// memcpy, memmove and memset, which compilers call for assignments and programs for buffers: accesses like others,
// where instrumented code calls them.
//
// The bytes are moved here, by the processor's string instructions: these names are called before the loader has done
// its work, when libc's own could not be looked up.
#include <string.h>

#include "access.h"
#include "modules.h"

using namespace rondo::race;

namespace {

void copy_up(void* to, const void* from, size_t size) {
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

void copy_down(void* to, const void* from, size_t size) {
    void* last_to = static_cast<char*>(to) + size - 1;
    const void* last_from = static_cast<const char*>(from) + size - 1;
    asm volatile("std\n\trep movsb\n\tcld" : "+D"(last_to), "+S"(last_from), "+c"(size) : : "memory");
}

void fill(void* to, int value, size_t size) {
    asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
}

void note_copy(const void* to, const void* from, size_t size, Pc pc) {
    if (!exploring || size == 0 || !instrumented(pc)) return;
    access(from, size, kRead, pc);
    check_range(to, size, kWrite, pc);
}

void note_fill(const void* to, size_t size, Pc pc) {
    if (exploring && size > 0 && instrumented(pc)) access(to, size, kWrite, pc);
}

void move(void* to, const void* from, size_t size) {
    bool overlaps = reinterpret_cast<uint64_t>(to) - reinterpret_cast<uint64_t>(from) < size;
    if (overlaps && to != from) {
        copy_down(to, from, size);
    } else {
        copy_up(to, from, size);
    }
}

}  // namespace

#define RONDO_MEMORY(name, parameters)                                                                   \
    extern "C" __attribute__((visibility("default"))) void* rondo_race_##name parameters __asm__(#name); \
    extern "C" void* rondo_race_##name parameters

RONDO_MEMORY(memcpy, (void* to, const void* from, size_t size)) {
    note_copy(to, from, size, RONDO_CALLER);
    copy_up(to, from, size);
    return to;
}

RONDO_MEMORY(memmove, (void* to, const void* from, size_t size)) {
    note_copy(to, from, size, RONDO_CALLER);
    move(to, from, size);
    return to;
}

RONDO_MEMORY(memset, (void* to, int value, size_t size)) {
    note_fill(to, size, RONDO_CALLER);
    fill(to, value, size);
    return to;
}
