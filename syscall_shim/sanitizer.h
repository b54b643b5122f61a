// SPDX-License-Identifier: Apache-2.0
// What the thread sanitizer's run-time needs of us, in builds with RONDO_SHIM_TSAN only; elsewhere it compiles to
// nothing.
//
// That run-time calls pthread functions by name before the process or the kernel thread at hand can run instrumented
// code, which the runtime is: it makes one key, the first of the process, and in each kernel thread it starts it sets
// that key, then reads the thread's stack with pthread_getattr_np. So the key stays libc's, under a number that the
// runtime never gives, and from its setting to the end of that reading (pthread_attr_destroy) the thread's attributes
// are libc's. And since this library is not instrumented in such a build, its one lock, that of a FILE, says when it is
// taken and released.
#ifndef RONDO_SHIM_SANITIZER_H
#define RONDO_SHIM_SANITIZER_H

#include <pthread.h>

#ifdef RONDO_SHIM_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace rondo::shim {

#ifdef RONDO_SHIM_TSAN
// True if this was the sanitizer's key: it is made.
bool make_sanitizer_key(pthread_key_t* key, void (*destructor)(void*));
// True if the key is the sanitizer's: it is set, and the thread belongs to the sanitizer from now on.
bool set_sanitizer_key(pthread_key_t key, const void* value);
bool in_sanitizer();
// True until its run-time is ready for instrumented code.
bool sanitizer_starts();
void leave_sanitizer();
inline void tell_taken(void* lock) { __tsan_acquire(lock); }
inline void tell_released(void* lock) { __tsan_release(lock); }
#else
constexpr bool make_sanitizer_key(pthread_key_t*, void (*)(void*)) { return false; }
constexpr bool set_sanitizer_key(pthread_key_t, const void*) { return false; }
constexpr bool in_sanitizer() { return false; }
constexpr bool sanitizer_starts() { return false; }
constexpr void leave_sanitizer() {}
constexpr void tell_taken(void*) {}
constexpr void tell_released(void*) {}
#endif

}  // namespace rondo::shim

#endif
