// SPDX-License-Identifier: Apache-2.0
// Looks up the next definition of a symbol.
//
// dlsym allocates only when it fails, so this is safe under a preloaded allocator's own lock; and it fails only when
// libc lacks the symbol, where the process ends. The report uses a raw system call, for `write` is ours.
#include "real.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raw_call.h"

// The ends of the section, made by the linker.
extern "C" __attribute__((visibility("hidden"))) rondo::shim::RealAddress __start_rondo_reals[];
extern "C" __attribute__((visibility("hidden"))) rondo::shim::RealAddress __stop_rondo_reals[];

namespace rondo::shim {
namespace {

void say(const char* text) { raw_call(SYS_write, STDERR_FILENO, to_arg(text), static_cast<long>(strlen(text))); }

}  // namespace

void resolve_all() {
    for (RealAddress* each = __start_rondo_reals; each != __stop_rondo_reals; ++each) {
        if (each->address_.load(std::memory_order_relaxed) != nullptr) continue;
        each->address_.store(dlsym(RTLD_NEXT, each->name_), std::memory_order_relaxed);
    }
}

void* resolve(const char* name) {
    void* address = dlsym(RTLD_NEXT, name);
    if (address == nullptr) {
        say("rondo: libc has no ");
        say(name);
        say(", which this program calls; it was built for a newer one\n");
        abort();
    }
    return address;
}

}  // namespace rondo::shim
