// SPDX-License-Identifier: Apache-2.0
//
// libstdc++ may or may not be in the process (a C program has none), so its accessor is looked up by name and the
// runtime links without it.

#include "runtime/core/tls.h"

#include <dlfcn.h>

#include <cerrno>

namespace rondo {

__thread Worker* self_ __attribute__((tls_model("initial-exec"))) = nullptr;

void ThreadStatePlaces::find() {
    error_number = &errno;
    auto* get = reinterpret_cast<EhGlobals* (*)()>(dlsym(RTLD_DEFAULT, "__cxa_get_globals"));
    eh = get != nullptr ? get() : nullptr;
}

void ThreadStatePlaces::clear() const {
    *error_number = 0;
    if (eh != nullptr) {
        *eh = {};
    }
}

}  // namespace rondo
