// SPDX-License-Identifier: Apache-2.0
//
// The few libc functions that the runtime needs under names that a preloaded shim may have taken: found in libc itself,
// on first use. Everything else that enters the kernel is in sys.h.
#pragma once

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstddef>

namespace rondo::real {

struct Functions {
    int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    int (*attr_init)(pthread_attr_t*);
    int (*attr_setstack)(pthread_attr_t*, void*, size_t);
    int (*attr_setdetachstate)(pthread_attr_t*, int);
    int (*attr_destroy)(pthread_attr_t*);
    int (*getattr)(pthread_t, pthread_attr_t*);
    pthread_t (*self)();
    void (*exit_thread)(void*);
    int (*key_create)(pthread_key_t*, void (*)(void*));
    int (*key_delete)(pthread_key_t);
    void* (*getspecific)(pthread_key_t);
    int (*setspecific)(pthread_key_t, const void*);
    int (*clock_gettime)(clockid_t, timespec*);
    int (*clone)(int (*)(void*), void*, int, void*, ...);
};

const Functions& functions();

// What libc takes of a kernel thread's stack for itself: its block of thread-local data.
size_t kernel_stack_overhead();

// libc's SIGSETXID: setuid() and its like send it to each thread that libc knows, and wait until each has followed. No
// kernel thread of ours may block it.
constexpr int kChangeUserSignal = 33;

// A detached kernel thread with all other signals blocked, on libc's own stack or on the one given. 0 or an error
// number.
int start_kernel_thread(void* (*run)(void*), void* arg, void* stack, size_t stack_bytes);

// How many of these there are. One that ends says so first: until the kernel has taken it away, it is then counted for
// one of the program's.
extern std::atomic<int> kernel_threads;

}  // namespace rondo::real
