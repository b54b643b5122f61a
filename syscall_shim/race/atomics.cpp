// SPDX-License-Identifier: Apache-2.0
// Atomic operations of code compiled with -fsanitize=thread, which calls these in their place.
//
// Each is a choice point, then the operation itself (always the strongest order: one worker runs, so nobody can tell),
// and an edge of happens-before if its order says so. A fence is an edge through one object for all of them: it may
// order more than the language says, so a race can be missed at fences, none is invented.
#include "access.h"

using namespace rondo::race;

namespace {

constinit char all_fences = 0;

bool acquires(int order) { return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE; }
bool releases(int order) { return order >= __ATOMIC_RELEASE; }

template <typename T, typename F>
auto operate(const volatile T* object, Kind kind, int order, Pc pc, F operation) {
    access(object, sizeof *object, kind, pc);
    if (releases(order) && kind == kAtomicWrite) release(object);
    auto result = operation();
    if (acquires(order)) acquire(object);
    return result;
}

template <typename T>
bool exchange_if(volatile T* object, T* expected, T desired, int order, Pc pc) {
    return operate(object, kAtomicWrite, order, pc, [&] {
        return __atomic_compare_exchange_n(object, expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    });
}

}  // namespace

#define RONDO_CALLBACK extern "C" __attribute__((visibility("default")))

#define RONDO_FETCH(bits, T, name)                                                                \
    RONDO_CALLBACK T __tsan_atomic##bits##_fetch_##name(volatile T* object, T value, int order) { \
        return operate(object, kAtomicWrite, order, RONDO_CALLER,                                 \
                       [&] { return __atomic_fetch_##name(object, value, __ATOMIC_SEQ_CST); });   \
    }

#define RONDO_ATOMICS(bits, T)                                                                                        \
    RONDO_CALLBACK T __tsan_atomic##bits##_load(const volatile T* object, int order) {                                \
        return operate(object, kAtomicRead, order, RONDO_CALLER,                                                      \
                       [&] { return __atomic_load_n(object, __ATOMIC_SEQ_CST); });                                    \
    }                                                                                                                 \
    RONDO_CALLBACK void __tsan_atomic##bits##_store(volatile T* object, T value, int order) {                         \
        operate(object, kAtomicWrite, order == __ATOMIC_SEQ_CST ? __ATOMIC_RELEASE : order, RONDO_CALLER, [&] {       \
            __atomic_store_n(object, value, __ATOMIC_SEQ_CST);                                                        \
            return 0;                                                                                                 \
        });                                                                                                           \
    }                                                                                                                 \
    RONDO_CALLBACK T __tsan_atomic##bits##_exchange(volatile T* object, T value, int order) {                         \
        return operate(object, kAtomicWrite, order, RONDO_CALLER,                                                     \
                       [&] { return __atomic_exchange_n(object, value, __ATOMIC_SEQ_CST); });                         \
    }                                                                                                                 \
    RONDO_FETCH(bits, T, add)                                                                                         \
    RONDO_FETCH(bits, T, sub)                                                                                         \
    RONDO_FETCH(bits, T, and)                                                                                         \
    RONDO_FETCH(bits, T, or)                                                                                          \
    RONDO_FETCH(bits, T, xor)                                                                                         \
    RONDO_FETCH(bits, T, nand)                                                                                        \
    RONDO_CALLBACK int __tsan_atomic##bits##_compare_exchange_strong(volatile T* object, T* expected, T desired,      \
                                                                     int order, int) {                                \
        return exchange_if(object, expected, desired, order, RONDO_CALLER);                                           \
    }                                                                                                                 \
    RONDO_CALLBACK int __tsan_atomic##bits##_compare_exchange_weak(volatile T* object, T* expected, T desired,        \
                                                                   int order, int) {                                  \
        return exchange_if(object, expected, desired, order, RONDO_CALLER);                                           \
    }                                                                                                                 \
    RONDO_CALLBACK T __tsan_atomic##bits##_compare_exchange_val(volatile T* object, T expected, T desired, int order, \
                                                                int) {                                                \
        exchange_if(object, &expected, desired, order, RONDO_CALLER);                                                 \
        return expected;                                                                                              \
    }

RONDO_ATOMICS(8, uint8_t)
RONDO_ATOMICS(16, uint16_t)
RONDO_ATOMICS(32, uint32_t)
RONDO_ATOMICS(64, uint64_t)

RONDO_CALLBACK void __tsan_atomic_thread_fence(int order) {
    if (releases(order)) release(&all_fences);
    if (acquires(order)) acquire(&all_fences);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

RONDO_CALLBACK void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
