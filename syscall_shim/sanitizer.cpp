// SPDX-License-Identifier: Apache-2.0
// See sanitizer.h. Everything here runs before the kernel thread may enter instrumented code, so this library is itself
// never instrumented in such a build, and nothing here calls the runtime.
#include "sanitizer.h"

#ifdef RONDO_SHIM_TSAN

#include "real.h"

namespace rondo::shim {
namespace {

RONDO_REAL(pthread_key_create);
RONDO_REAL(pthread_setspecific);

constexpr pthread_key_t kFirstNumber = 1U << 20;
constinit bool key_is_made = false;
constinit bool is_ready = false;

// Libraries are initialised after those that they depend on, and the runtime below depends on the sanitizer's.
__attribute__((constructor)) void note_ready() { is_ready = true; }

__attribute__((tls_model("initial-exec"))) constinit thread_local bool starts_thread = false;

}  // namespace

bool make_sanitizer_key(pthread_key_t* key, void (*destructor)(void*)) {
    if (key_is_made) return false;
    key_is_made = true;
    real_pthread_key_create(key, destructor);
    *key += kFirstNumber;
    return true;
}

bool set_sanitizer_key(pthread_key_t key, const void* value) {
    if (key < kFirstNumber) return false;
    starts_thread = true;
    real_pthread_setspecific(key - kFirstNumber, value);
    return true;
}

bool in_sanitizer() { return starts_thread; }

bool sanitizer_starts() { return !is_ready; }

void leave_sanitizer() { starts_thread = false; }

}  // namespace rondo::shim

#endif
