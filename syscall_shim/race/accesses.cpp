// SPDX-License-Identifier: Apache-2.0
// The functions that code compiled with -fsanitize=thread calls at each plain access and at the ends of each function.
//
// Names and signatures are those of LLVM's tsan_interface.h, which gcc's sanitizer.def follows. A program linked to
// ThreadSanitizer's own library finds these instead, for this one is preloaded under that library's name.
#include "access.h"
#include "modules.h"

using namespace rondo::race;

#define RONDO_CALLBACK extern "C" __attribute__((visibility("default")))

RONDO_CALLBACK void __tsan_init() { note_instrumented(RONDO_CALLER); }

RONDO_CALLBACK void __tsan_func_entry(void* caller) {
    Thread* thread = exploring ? current() : nullptr;
    if (thread == nullptr) return;
    if (thread->depth < Thread::kMostFrames) thread->frames[thread->depth] = reinterpret_cast<Pc>(caller);
    thread->depth++;
}

RONDO_CALLBACK void __tsan_func_exit() {
    Thread* thread = exploring ? current() : nullptr;
    if (thread != nullptr && thread->depth > 0) thread->depth--;
}

#define RONDO_ACCESSES(prefix, size)                                                                                 \
    RONDO_CALLBACK void __tsan_##prefix##read##size(void* address) { access(address, size, kRead, RONDO_CALLER); }   \
    RONDO_CALLBACK void __tsan_##prefix##write##size(void* address) { access(address, size, kWrite, RONDO_CALLER); } \
    RONDO_CALLBACK void __tsan_##prefix##read_write##size(void* address) {                                           \
        access(address, size, kWrite, RONDO_CALLER);                                                                 \
    }

RONDO_ACCESSES(, 1)
RONDO_ACCESSES(, 2)
RONDO_ACCESSES(, 4)
RONDO_ACCESSES(, 8)
RONDO_ACCESSES(, 16)
RONDO_ACCESSES(unaligned_, 2)
RONDO_ACCESSES(unaligned_, 4)
RONDO_ACCESSES(unaligned_, 8)
RONDO_ACCESSES(unaligned_, 16)
RONDO_ACCESSES(volatile_, 1)
RONDO_ACCESSES(volatile_, 2)
RONDO_ACCESSES(volatile_, 4)
RONDO_ACCESSES(volatile_, 8)
RONDO_ACCESSES(volatile_, 16)

RONDO_CALLBACK void __tsan_read_range(void* address, size_t size) { access(address, size, kRead, RONDO_CALLER); }

RONDO_CALLBACK void __tsan_write_range(void* address, size_t size) { access(address, size, kWrite, RONDO_CALLER); }

RONDO_CALLBACK void __tsan_vptr_read(void** address) { access(address, sizeof *address, kRead, RONDO_CALLER); }

// A constructor or destructor that writes what is there already races with nobody.
RONDO_CALLBACK void __tsan_vptr_update(void** address, void* value) {
    if (*address != value) access(address, sizeof *address, kWrite, RONDO_CALLER);
}

// What a program with locks of its own says by hand.
RONDO_CALLBACK void __tsan_acquire(void* object) { acquire(object); }
RONDO_CALLBACK void __tsan_release(void* object) { release(object); }
