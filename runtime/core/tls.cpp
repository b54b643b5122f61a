// SPDX-License-Identifier: Apache-2.0
//
// libstdc++ may or may not be in the process (a C program has none), so its accessor is looked up by name and the
// runtime links without it. Once: dlsym takes the loader's lock, which a constructor that parks inside dlopen holds for
// long, and a worker that has yet to begin must not wait for it.

#include "runtime/core/tls.h"

#include <dlfcn.h>

#include <atomic>
#include <cerrno>

namespace rondo {

__thread Worker* self_ __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

using GetEhGlobals = EhGlobals* (*)();

std::atomic<bool> looked_up{false};
std::atomic<GetEhGlobals> get_eh_globals{nullptr};

GetEhGlobals accessor() {
    if (!looked_up.load(std::memory_order_acquire)) {
        get_eh_globals.store(reinterpret_cast<GetEhGlobals>(dlsym(RTLD_DEFAULT, "__cxa_get_globals")),
                             std::memory_order_relaxed);
        looked_up.store(true, std::memory_order_release);
    }
    return get_eh_globals.load(std::memory_order_relaxed);
}

}  // namespace

void ThreadStatePlaces::find() {
    error_number = &errno;
    GetEhGlobals get = accessor();
    eh = get != nullptr ? get() : nullptr;
}

void ThreadStatePlaces::clear() const {
    *error_number = 0;
    if (eh != nullptr) {
        *eh = {};
    }
}

}  // namespace rondo
