// SPDX-License-Identifier: Apache-2.0
//
// Resolution is idempotent, so racing first users need no lock: each stores the same addresses and publishes them last.

#include "runtime/base/real.h"

#include <dlfcn.h>
#include <signal.h>

#include <atomic>

#include "runtime/base/check.h"
#include "runtime/base/sanitizer.h"
#include "runtime/base/sys.h"

namespace rondo::real {

namespace {

Functions table;
std::atomic<bool> resolved{false};

// libc's own definition is the one with a version: what a shim or a program defines under the same name has none.
// (dlopen of libc would allocate, and an allocator that starts up may be what called us; RTLD_NEXT would look behind
// ourselves, and where the shim is preloaded libc stands before us.) Under a sanitizer its own interceptor has to be
// called.
void* find(const char* name, [[maybe_unused]] const char* interceptor) {
#if defined(RONDO_ASAN) || defined(RONDO_TSAN)
    if (void* found = interceptor != nullptr ? dlsym(RTLD_DEFAULT, interceptor) : nullptr) {
        return found;
    }
#endif
    return dlvsym(RTLD_DEFAULT, name, "GLIBC_2.2.5");
}

template <typename F>
void resolve(F*& slot, const char* name, const char* interceptor) {
    void* found = find(name, interceptor);
    RONDO_CHECK(found != nullptr);
    __atomic_store_n(&slot, reinterpret_cast<F*>(found), __ATOMIC_RELAXED);
}

void resolve_all() {
    resolve(table.create, "pthread_create", "__interceptor_pthread_create");
    resolve(table.attr_init, "pthread_attr_init", "__interceptor_pthread_attr_init");
    resolve(table.attr_setstack, "pthread_attr_setstack", "__interceptor_pthread_attr_setstack");
    resolve(table.attr_setdetachstate, "pthread_attr_setdetachstate", "__interceptor_pthread_attr_setdetachstate");
    resolve(table.attr_destroy, "pthread_attr_destroy", "__interceptor_pthread_attr_destroy");
    resolve(table.getattr, "pthread_getattr_np", "__interceptor_pthread_getattr_np");
    resolve(table.self, "pthread_self", "__interceptor_pthread_self");
    resolve(table.exit_thread, "pthread_exit", "__interceptor_pthread_exit");
    resolve(table.key_create, "pthread_key_create", "__interceptor_pthread_key_create");
    resolve(table.key_delete, "pthread_key_delete", "__interceptor_pthread_key_delete");
    resolve(table.getspecific, "pthread_getspecific", "__interceptor_pthread_getspecific");
    resolve(table.setspecific, "pthread_setspecific", "__interceptor_pthread_setspecific");
    resolve(table.clock_gettime, "clock_gettime", "__interceptor_clock_gettime");
    resolve(table.clone, "clone", nullptr);  // an interceptor takes every clone for a fork
    resolved.store(true, std::memory_order_release);
}

}  // namespace

std::atomic<int> kernel_threads{0};

const Functions& functions() {
    if (!resolved.load(std::memory_order_acquire)) {
        resolve_all();
    }
    return table;
}

size_t kernel_stack_overhead() {
    constexpr size_t kUnknown = 4U << 20;
    auto* minimum = reinterpret_cast<size_t (*)(const pthread_attr_t*)>(dlsym(RTLD_DEFAULT, "__pthread_get_minstack"));
    if (minimum == nullptr) {
        return kUnknown;
    }
    pthread_attr_t attr;
    functions().attr_init(&attr);
    size_t bytes = minimum(&attr);
    functions().attr_destroy(&attr);
    return bytes;
}

int start_kernel_thread(void* (*run)(void*), void* arg, void* stack, size_t stack_bytes) {
    const Functions& libc = functions();
    pthread_attr_t attr;
    libc.attr_init(&attr);
    libc.attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (stack != nullptr) {
        libc.attr_setstack(&attr, stack, stack_bytes);
    }
    const uint64_t blocked = ~(1ULL << (kChangeUserSignal - 1));
    uint64_t before = 0;
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&blocked), sys::to_arg(&before), sizeof blocked);
    pthread_t thread;
    int error = libc.create(&thread, &attr, run, arg);
    kernel_threads.fetch_add(error == 0 ? 1 : 0, std::memory_order_relaxed);
    sys::call(SYS_rt_sigprocmask, SIG_SETMASK, sys::to_arg(&before), 0, sizeof before);
    libc.attr_destroy(&attr);
    return error;
}

}  // namespace rondo::real
