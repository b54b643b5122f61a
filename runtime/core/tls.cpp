// SPDX-License-Identifier: Apache-2.0
//
// libstdc++ may or may not be in the process (a C program has none), so its accessor is looked up by name and the
// runtime links without it.

#include "runtime/core/tls.h"

#include <dlfcn.h>

namespace rondo {

__thread Worker* self_ __attribute__((tls_model("initial-exec"))) = nullptr;

EhGlobals* find_eh_globals() {
    auto* get = reinterpret_cast<EhGlobals* (*)()>(dlsym(RTLD_DEFAULT, "__cxa_get_globals"));
    return get != nullptr ? get() : nullptr;
}

}  // namespace rondo
